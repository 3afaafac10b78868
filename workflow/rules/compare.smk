rule compare:
    input:
        pairs=PATHS.pairs,
        predictions=[PATHS.predictions(row) for row in STUDY.rows],
        trainings=PATHS.trainings,
        code=[CODE / "compare" / "compare.py", CODE / "compare" / "scores.py"],
    output:
        comparison_table=report(
            PATHS.comparison_table,
            caption="../report/comparison_table.rst",
            category="Comparison",
            labels={"show": "table"},
        ),
        comparison_page=PATHS.comparison_page,
        metrics=PATHS.metrics,
    log:
        PATHS.logs / "compare.log",
    benchmark:
        PATHS.logs / "compare.benchmark.tsv"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        models=to_json(STUDY.models),
        encoders=to_json(STUDY.encoders),
        comparison=to_json(STUDY.comparison),
        seed=STUDY.seed,
        trainings=lambda wildcards, input: f"--trainings {input.trainings}" if input.trainings else "",
    message:
        "Comparing the models of {STUDY_NAME}"
    shell:
        "python -m lungfuse compare --title {params.title} --notice={params.notice:q} --models {params.models:q} "
        "--comparison {params.comparison:q} --seed {params.seed} --pairs {input.pairs} "
        "--encoders {params.encoders:q} --predictions {input.predictions} {params.trainings} --comparison-table {output.comparison_table} "
        "--comparison-page {output.comparison_page} --metrics {output.metrics} > {log} 2>&1"


rule figures:
    input:
        funnel=PATHS.funnel,
        comparison_table=PATHS.comparison_table,
        code=CODE / "compare" / "figures.py",
    output:
        funnel_figure=report(
            PATHS.funnel_figure, caption="../report/funnel.rst", category="Pairs", labels={"show": "filters"}
        ),
        comparison_figure=report(
            PATHS.comparison_figure,
            caption="../report/comparison.rst",
            category="Comparison",
            labels={"show": "figure"},
        ),
    log:
        PATHS.logs / "figures.log",
    benchmark:
        PATHS.logs / "figures.benchmark.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=500,
        runtime="10m",
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
    message:
        "Drawing the figures of {STUDY_NAME}"
    shell:
        "python -m lungfuse figures --title {params.title} --notice={params.notice:q} --funnel {input.funnel} "
        "--comparison-table {input.comparison_table} --funnel-figure {output.funnel_figure} "
        "--comparison-figure {output.comparison_figure} > {log} 2>&1"
