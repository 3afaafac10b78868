# Milliseconds a pair that scores and tests take; of several labels, each is ranked anew in every resample.
SCORING = 10 if STUDY.asks.two_classes else 70 * len(STUDY.labels)


rule compare:
    input:
        pairs=PATHS.pairs,
        predictions=PATHS.all_predictions,
        validated=PATHS.all_validated,
        trainings=PATHS.trainings,
        annotated_index=PATHS.judged_index,
        structured=PATHS.structured_files["structured"],
        code=code_of("compare", TASK_MODULE, *MODALITIES),
    output:
        **{name: report_item(table) for name, table in PATHS.more_scores.items()},
        comparison_table=report_item(PATHS.comparison_table),
        comparison_page=PATHS.comparison_page,
        ablations_table=report_item(PATHS.ablations_table),
        calibration_table=report_item(PATHS.calibration_table),
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
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=SCORING * MS),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        task=STUDY.task,
        labels=STUDY.labels,
        models=to_json(list(STUDY.models.values())),
        encoders=settings_json("compare", "encoders"),
        comparison=to_json(STUDY.comparison),
        seed=STUDY.seed,
        given=lambda wildcards, input: options(
            trainings=input.trainings, annotated_index=input.annotated_index, structured=input.structured
        ),
        more=lambda wildcards, output: options(**{name: output[name] for name in PATHS.more_scores}),
    message:
        "Comparing the models of {STUDY_NAME}"
    shell:
        "python -m lungfuse compare --title {params.title} --notice={params.notice:q} --task {params.task} "
        "--labels {params.labels} --models {params.models:q} "
        "--comparison {params.comparison:q} --seed {params.seed} --pairs {input.pairs} "
        "--encoders {params.encoders:q} --predictions {input.predictions} --validated {input.validated} {params.given} "
        "--comparison-table {output.comparison_table} --comparison-page {output.comparison_page} "
        "--ablations-table {output.ablations_table} --calibration-table {output.calibration_table} --metrics {output.metrics} "
        "{params.more} > {log} 2>&1"


rule sites:
    input:
        pairs=PATHS.pairs,
        predictions=PATHS.all_predictions,
        code=code_of("sites", TASK_MODULE, *MODALITIES),
    output:
        sites_table=report_item(PATHS.sites_table),
    log:
        PATHS.logs / "sites.log",
    benchmark:
        PATHS.logs / "sites.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=SCORING * MS),
        turn=1,
    params:
        task=STUDY.task,
        labels=STUDY.labels,
        models=to_json(list(STUDY.models.values())),
        comparison=settings_json("sites", "comparison"),
        seed=STUDY.seed,
    message:
        "Scoring the models of {STUDY_NAME} at each site"
    shell:
        "python -m lungfuse sites --task {params.task} --labels {params.labels} --models {params.models:q} "
        "--comparison {params.comparison:q} --seed {params.seed} --pairs {input.pairs} --predictions {input.predictions} --sites-table {output.sites_table} > {log} 2>&1"


rule leakage:
    input:
        pairs=PATHS.pairs,
        views=PATHS.views,
        reports=PATHS.reports,
        code=code_of("leakage"),
    output:
        leakage_table=report_item(PATHS.leakage_table),
    log:
        PATHS.logs / "leakage.log",
    benchmark:
        PATHS.logs / "leakage.benchmark.tsv"
    group:
        "baselines"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=30 * KB),
        runtime=scaled(30, each=300 * MS),
        turn=1,
    params:
        leakage=to_json(STUDY.leakage),
        comparison=settings_json("leakage", "comparison"),
        folds=STUDY.split.folds,
        seed=STUDY.seed,
    message:
        "Auditing the published protocol on {STUDY_NAME}"
    shell:
        "python -m lungfuse leakage --leakage {params.leakage:q} --comparison {params.comparison:q} "
        "--folds {params.folds} --seed {params.seed} --pairs {input.pairs} --views {input.views} "
        "--reports {input.reports} --leakage-table {output.leakage_table} > {log} 2>&1"


rule shortcuts:
    input:
        pairs=PATHS.pairs,
        audited=PATHS.audited,
        code=code_of("shortcuts"),
    output:
        words_table=report_item(PATHS.words_table),
        shortcuts_table=report_item(PATHS.shortcuts_table),
    log:
        PATHS.logs / "shortcuts.log",
    benchmark:
        PATHS.logs / "shortcuts.benchmark.tsv"
    group:
        "baselines"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=30 * KB),
        runtime=scaled(10, each=30 * MS),
        turn=1,
    params:
        sections=STUDY.leakage.sections,
        labels=STUDY.labels,
        shortcuts=to_json(STUDY.shortcuts),
        comparison=settings_json("shortcuts", "comparison"),
        seed=STUDY.seed,
        audited=options(audited=PATHS.audited),
    message:
        "Looking for shortcuts to the labels of {STUDY_NAME}"
    shell:
        "python -m lungfuse shortcuts --sections {params.sections} --labels {params.labels} "
        "--shortcuts {params.shortcuts:q} --comparison {params.comparison:q} --seed {params.seed} "
        "--pairs {input.pairs} {params.audited} --words-table {output.words_table} "
        "--shortcuts-table {output.shortcuts_table} "
        "> {log} 2>&1"
