rule compare:
    input:
        pairs=PATHS.pairs,
        predictions=[PATHS.predictions(row) for row in STUDY.models],
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
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        models=to_json(list(STUDY.models.values())),
        encoders=to_json(STUDY.encoders),
        comparison=to_json(STUDY.comparison),
        seed=STUDY.seed,
        trainings=lambda wildcards, input: f"--trainings {input.trainings}" if input.trainings else "",
    message:
        "Comparing the models of {STUDY_NAME}"
    shell:
        "python -m lungfuse compare --title {params.title} --notice={params.notice:q} --models {params.models:q} "
        "--comparison {params.comparison:q} --seed {params.seed} --pairs {input.pairs} "
        "--encoders {params.encoders:q} --predictions {input.predictions} {params.trainings} "
        "--comparison-table {output.comparison_table} --comparison-page {output.comparison_page} "
        "--metrics {output.metrics} > {log} 2>&1"


rule sites:
    input:
        pairs=PATHS.pairs,
        predictions=[PATHS.predictions(row) for row in STUDY.models],
        code=[CODE / "compare" / "sites.py", CODE / "compare" / "scores.py"],
    output:
        sites_table=report(
            PATHS.sites_table, caption="../report/sites.rst", category="Comparison", labels={"show": "sites"}
        ),
    log:
        PATHS.logs / "sites.log",
    benchmark:
        PATHS.logs / "sites.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
        turn=1,
    params:
        models=to_json(list(STUDY.models.values())),
        comparison=to_json(STUDY.comparison),
        seed=STUDY.seed,
    message:
        "Scoring the models of {STUDY_NAME} at each hospital"
    shell:
        "python -m lungfuse sites --models {params.models:q} --comparison {params.comparison:q} --seed {params.seed} "
        "--pairs {input.pairs} --predictions {input.predictions} --sites-table {output.sites_table} > {log} 2>&1"


rule arms:
    input:
        pairs=PATHS.pairs,
        predictions=[PATHS.predictions(row) for row in STUDY.arm_rows],
        code=[CODE / "compare" / "arms.py", CODE / "compare" / "scores.py"],
    output:
        arms_table=report(
            PATHS.arms_table, caption="../report/arms.rst", category="Segmentation", labels={"show": "arms"}
        ),
    log:
        PATHS.logs / "arms.log",
    benchmark:
        PATHS.logs / "arms.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
        turn=1,
    params:
        models=to_json(list(STUDY.arm_rows.values())),
        comparison=to_json(STUDY.comparison),
        seed=STUDY.seed,
    message:
        "Testing segmented against raw images in {STUDY_NAME}"
    shell:
        "python -m lungfuse arms --models {params.models:q} --comparison {params.comparison:q} --seed {params.seed} "
        "--pairs {input.pairs} --predictions {input.predictions} --arms-table {output.arms_table} > {log} 2>&1"


rule leakage:
    input:
        pairs=PATHS.pairs,
        views=PATHS.views,
        code=[CODE / "compare" / "leakage.py", CODE / "compare" / "scores.py", CODE / "ingest" / "filter.py"],
    output:
        leakage_table=report(
            PATHS.leakage_table, caption="../report/leakage.rst", category="Leakage", labels={"show": "audit"}
        ),
    log:
        PATHS.logs / "leakage.log",
    benchmark:
        PATHS.logs / "leakage.benchmark.tsv"
    group:
        "baselines"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(30),
        turn=1,
    params:
        leakage=to_json(STUDY.leakage),
        comparison=to_json(STUDY.comparison),
        folds=STUDY.split.folds,
        seed=STUDY.seed,
    message:
        "Auditing the published protocol on {STUDY_NAME}"
    shell:
        "python -m lungfuse leakage --leakage {params.leakage:q} --comparison {params.comparison:q} "
        "--folds {params.folds} --seed {params.seed} --pairs {input.pairs} --views {input.views} "
        "--leakage-table {output.leakage_table} > {log} 2>&1"


rule figures:
    input:
        funnel=PATHS.funnel,
        comparison_table=PATHS.comparison_table,
        code=[CODE / "compare" / "figures.py", CODE / "compare" / "style.py"],
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
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
    message:
        "Drawing the figures of {STUDY_NAME}"
    shell:
        "python -m lungfuse figures --title {params.title} --notice={params.notice:q} --funnel {input.funnel} "
        "--comparison-table {input.comparison_table} --funnel-figure {output.funnel_figure} "
        "--comparison-figure {output.comparison_figure} > {log} 2>&1"


rule curves:
    input:
        histories=PATHS.histories,
        code=[CODE / "compare" / "curves.py", CODE / "compare" / "style.py"],
    output:
        curves_figure=report(
            PATHS.curves_figure, caption="../report/curves.rst", category="Training", labels={"show": "curves"}
        ),
    log:
        PATHS.logs / "curves.log",
    benchmark:
        PATHS.logs / "curves.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
    message:
        "Drawing the training curves of {STUDY_NAME}"
    shell:
        "python -m lungfuse curves --title {params.title} --notice={params.notice:q} --histories {input.histories} "
        "--curves-figure {output.curves_figure} > {log} 2>&1"


rule attention:
    input:
        unpack(lambda wildcards: PATHS.arm_files(STUDY.models[wildcards.row].images)),
        trained=lambda wildcards: PATHS.trained_files(wildcards.row),
        pairs=PATHS.pairs,
        predictions=PATHS.predictions("{row}"),
        code=[CODE / "predict" / "attention.py", CODE / "predict" / "trained.py", CODE / "compare" / "style.py"],
    output:
        attention_figure=report(
            PATHS.attention_figure("{row}"),
            caption="../report/attention.rst",
            category="Attention",
            labels={"row": "{row}"},
        ),
    log:
        PATHS.logs / "attention" / "{row}.log",
    benchmark:
        PATHS.logs / "attention" / "{row}.benchmark.tsv"
    wildcard_constraints:
        row=one_of(PATHS.attention_rows),
    group:
        "scores"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        model=lambda wildcards: PATHS.models / wildcards.row,
        inputs=lambda wildcards, input: image_options(input),
        encoder_root=PATHS.encoder_root,
    message:
        "Drawing the attention of {wildcards.row}"
    shell:
        "python -m lungfuse attention --title {params.title} --notice={params.notice:q} --model {params.model} "
        "--pairs {input.pairs} {params.inputs} --predictions {input.predictions} "
        "--encoder-root {params.encoder_root} --attention-figure {output.attention_figure} > {log} 2>&1"
