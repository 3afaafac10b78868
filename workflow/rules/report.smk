rule figures:
    input:
        funnel=PATHS.funnel,
        pairs=PATHS.pairs,
        comparison_table=PATHS.comparison_table,
        predictions=PATHS.all_predictions,
        tables=PATHS.tables,
        histories=PATHS.histories,
        code=code_of("figures", TASK_MODULE, *MODALITIES),
    output:
        [report_item(PATHS.figure(name)) for name in PATHS.table_figures],
    log:
        PATHS.logs / "figures.log",
    benchmark:
        PATHS.logs / "figures.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=2 * MS),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        task=STUDY.task,
        labels=STUDY.labels,
        given=lambda wildcards, input: options(tables=input.tables, histories=input.histories),
        figures=PATHS.figures,
    message:
        "Drawing the figures of {STUDY_NAME}"
    shell:
        "python -m lungfuse figures --title {params.title} --notice={params.notice:q} --task {params.task} "
        "--labels {params.labels} "
        "--funnel {input.funnel} --pairs {input.pairs} --comparison-table {input.comparison_table} "
        "--predictions {input.predictions} {params.given} --figures {params.figures} > {log} 2>&1"


rule pictures:
    input:
        **PATHS.mask_files_shown,
        pairs=PATHS.pairs,
        array=PATHS.array,
        index=PATHS.index,
        comparison_table=PATHS.comparison_table,
        predictions=PATHS.all_predictions,
        code=code_of("pictures", TASK_MODULE, *MODALITIES),
    output:
        [report_item(PATHS.figure(name)) for name in PATHS.picture_figures],
    log:
        PATHS.logs / "pictures.log",
    benchmark:
        PATHS.logs / "pictures.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB),
        runtime=scaled(10, each=1 * MS),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        task=STUDY.task,
        labels=STUDY.labels,
        seed=STUDY.seed,
        masks=lambda wildcards, input: options(masks=input.masks, qualities=input.qualities),
        figures=PATHS.figures,
    message:
        "Drawing pairs of {STUDY_NAME} and their masks"
    shell:
        "python -m lungfuse pictures --title {params.title} --notice={params.notice:q} --task {params.task} "
        "--labels {params.labels} "
        "--seed {params.seed} --pairs {input.pairs} --array {input.array} --index {input.index} {params.masks} "
        "--comparison-table {input.comparison_table} --predictions {input.predictions} "
        "--figures {params.figures} > {log} 2>&1"


rule attention:
    input:
        unpack(lambda wildcards: PATHS.variant_files(STUDY.models[wildcards.row].images)),
        unpack(lambda wildcards: PATHS.columns_of(STUDY.models[wildcards.row])),
        trained=lambda wildcards: PATHS.trained_files(wildcards.row),
        pairs=PATHS.pairs,
        predictions=PATHS.predictions("{row}"),
        code=lambda wildcards: code_of("attention", *modules_of(STUDY.models[wildcards.row])),
    output:
        attention_figure=report_item(PATHS.figure("attention_{row}")),
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
        mem_mb=scaled(4000, each=5 * KB),
        runtime=scaled(30, each=1 * MS),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        model=lambda wildcards: PATHS.models / wildcards.row,
        inputs=lambda wildcards, input: image_options(input),
        structured=lambda wildcards, input: options(structured=input.get("structured"), columns=input.get("columns")),
        encoder_root=PATHS.encoder_root,
    message:
        "Drawing the attention of {wildcards.row}"
    shell:
        "python -m lungfuse attention --title {params.title} --notice={params.notice:q} --model {params.model} "
        "--pairs {input.pairs} {params.inputs} {params.structured} --predictions {input.predictions} "
        "--encoder-root {params.encoder_root} --attention-figure {output.attention_figure} > {log} 2>&1"


rule pages:
    input:
        **PATHS.structured_files,
        tables=PATHS.tables,
        funnel=PATHS.funnel,
        pairs=PATHS.pairs,
        rejected=PATHS.rejected,
        comparison_table=PATHS.comparison_table,
        comparison_page=PATHS.comparison_page,
        check_page=PATHS.check_page,
        predictions=PATHS.all_predictions,
        tokenizer=PATHS.used_tokenizer,
        code=code_of("pages", DATASET_MODULE, TASK_MODULE, *MODALITIES, *encoders_of_rows()),
        templates=sorted((CODE / "report" / "templates").iterdir()),
    output:
        [report_item(PATHS.page(name)) for name in PATHS.page_names],
        data_card=PATHS.data_card,
        model_card=PATHS.model_card,
    log:
        PATHS.logs / "pages.log",
    benchmark:
        PATHS.logs / "pages.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=1 * MS),
        turn=1,
    params:
        title=STUDY_NAME,
        settings=to_json(STUDY),
        given=lambda wildcards, input: options(
            tables=input.tables,
            tokenizer=input.tokenizer,
            structured=input.structured,
            structured_columns=input.structured_columns,
        ),
        logs=PATHS.logs,
        pages=PATHS.pages,
    message:
        "Writing the cards of {STUDY_NAME}"
    shell:
        "python -m lungfuse pages --title {params.title} --settings {params.settings:q} --funnel {input.funnel} "
        "--pairs {input.pairs} --rejected {input.rejected} --comparison-table {input.comparison_table} "
        "--comparison-page {input.comparison_page} --check-page {input.check_page} --predictions {input.predictions} {params.given} "
        "--logs {params.logs} --data-card {output.data_card} --model-card {output.model_card} "
        "--pages {params.pages} > {log} 2>&1"


# The page is made by Snakemake itself from the graph of jobs: the Snakemake that runs, wherever rules get their software.
rule report_html:
    input:
        shown=PATHS.shown,
        code=sorted((WORKFLOW_FOLDER / "report").iterdir()),
    output:
        PATHS.report,
    log:
        PATHS.logs / "report_html.log",
    benchmark:
        PATHS.logs / "report_html.benchmark.tsv"
    conda:
        "../envs/report.yaml"
    container:
        None
    resources:
        mem_mb=scaled(1000),
        runtime=scaled(10),
    params:
        title=STUDY_NAME,
        python=sys.executable,
        stylesheet=WORKFLOW_FOLDER / "report" / "style.css",
    message:
        "Writing the report of {STUDY_NAME}"
    shell:
        "env --unset=SNAKEMAKE_PROFILE {params.python} -m snakemake --nolock --config study={params.title} --report {output} "
        "--report-stylesheet {params.stylesheet} -- {input.shown} > {log} 2>&1"
