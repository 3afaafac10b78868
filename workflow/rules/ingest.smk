# The tables of structured values, where rows may read them.
STRUCTURED = [PATHS.structured, PATHS.structured_columns] if "structured" in STUDY.modalities else []


rule download:
    output:
        update(RAW / STUDY.dataset / "{file}"),
    log:
        PATHS.logs / "download" / "{file}.log",
    wildcard_constraints:
        file=one_of(DATASET.DOWNLOADS),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(240),
    params:
        dataset=STUDY.dataset,
    message:
        "Fetching {output}"
    shell:
        "python -m lungfuse download --dataset {params.dataset} --file {output} 2>&1 | tee {log}"


rule draw:
    input:
        code=code_of("draw"),
    output:
        reports_archive=RAW / "demo" / "NLMCXR_reports.tgz",
        images_archive=RAW / "demo" / "NLMCXR_png.tgz",
        projections=RAW / "demo" / "indiana_projections.csv",
        patients=RAW / "demo" / "patients.csv",
        lung_masks=[directory(RAW / "demo-masks" / folder) for folder in ["CXR_png", "masks"]],
        manifest=RAW / "demo-masks" / MANIFEST,
    log:
        "logs/demo/draw.log",
    benchmark:
        "logs/demo/draw.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
        turn=1,
    params:
        lung_masks=RAW / "demo-masks",
    message:
        "Drawing the raw files of the demo: not patients"
    shell:
        "python -m lungfuse draw --reports-archive {output.reports_archive} --images-archive {output.images_archive} "
        "--projections {output.projections} --patients {output.patients} --lung-masks {params.lung_masks} > {log} 2>&1"


rule reports:
    input:
        files=PATHS.report_files,
        code=code_of("reports", DATASET_MODULE),
    output:
        reports=PATHS.reports,
        views=PATHS.views,
        values=PATHS.values,
        value_columns=PATHS.value_columns,
        rejected_reports=PATHS.rejected_reports,
        audited=PATHS.audited,
    log:
        PATHS.logs / "reports.log",
    benchmark:
        PATHS.logs / "reports.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of=named_images),
        runtime=scaled(10, each=1 * MS, of=named_images),
        turn=1,
    params:
        dataset=STUDY.dataset,
        table=table_options(),
        raw=PATHS.raw,
        audited=options(audited=PATHS.audited),
    message:
        "Reading the reports of {params.raw}"
    shell:
        "python -m lungfuse reports --dataset {params.dataset} {params.table} --raw {params.raw} --reports {output.reports} "
        "--views {output.views} --values {output.values} --value-columns {output.value_columns} "
        "--rejected-reports {output.rejected_reports} {params.audited} > {log} 2>&1"


rule images:
    input:
        files=PATHS.image_files,
        views=PATHS.views,
        code=code_of("images", DATASET_MODULE),
    output:
        array=PATHS.array,
        index=PATHS.index,
        rejected_images=PATHS.rejected_images,
    log:
        PATHS.logs / "images.log",
    benchmark:
        PATHS.logs / "images.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=scaled(500, each=5 * KB, of=named_images),
        runtime=scaled(30, each=100 * MS, of=named_images),
        turn=1,
    params:
        dataset=STUDY.dataset,
        table=table_options(),
        raw=PATHS.raw,
        view=STUDY.view,
        images=to_json(STUDY.images),
    message:
        "Decoding the images of {params.raw}"
    shell:
        "python -m lungfuse images --dataset {params.dataset} {params.table} --raw {params.raw} --view {params.view:q} "
        "--images {params.images:q} --views {input.views} --array {output.array} --index {output.index} "
        "--rejected-images {output.rejected_images} --threads {threads} > {log} 2>&1"


rule filter:
    input:
        reports=PATHS.reports,
        views=PATHS.views,
        values=PATHS.values,
        index=[PATHS.index] if "image" in STUDY.modalities else [],
        rejected_inputs=PATHS.rejected_inputs,
        code=code_of("filter", TASK_MODULE),
    output:
        candidates=PATHS.candidates,
        funnel=PATHS.funnel,
        rejected=PATHS.rejected,
    log:
        PATHS.logs / "filter.log",
    benchmark:
        PATHS.logs / "filter.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of=named_images),
        runtime=scaled(10, each=1 * MS, of=named_images),
        turn=1,
    params:
        task=STUDY.task,
        modalities=STUDY.modalities,
        view=STUDY.view,
        filter=to_json(STUDY.filter),
        seed=STUDY.seed,
        index=lambda wildcards, input: f"--index {input.index}" if input.index else "",
    message:
        "Filtering the reports and images of {STUDY_NAME}"
    shell:
        "python -m lungfuse filter --task {params.task} --modalities {params.modalities} --view {params.view:q} "
        "--filter {params.filter:q} --seed {params.seed} --reports {input.reports} --views {input.views} "
        "--values {input.values} {params.index} "
        "--rejected-inputs {input.rejected_inputs} --candidates {output.candidates} --funnel {output.funnel} "
        "--rejected {output.rejected} > {log} 2>&1"


rule data_check:
    input:
        **PATHS.checked_images,
        candidates=PATHS.candidates,
        reports=PATHS.reports,
        views=PATHS.views,
        values=PATHS.values,
        value_columns=PATHS.value_columns,
        funnel=PATHS.funnel,
        rejected=PATHS.rejected,
        code=code_of("data-check", TASK_MODULE, *finding_modules()),
    output:
        findings=PATHS.findings,
        check_scores=PATHS.check_scores,
        check_cases=PATHS.check_cases,
        check_page=PATHS.check_page,
    log:
        PATHS.logs / "data_check.log",
    benchmark:
        PATHS.logs / "data_check.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=12 * KB, of=named_images),
        runtime=scaled(10, each=5 * MS, of=named_images),
        turn=1,
    params:
        title=STUDY_NAME,
        notice=STUDY.notice,
        task=STUDY.task,
        filter=to_json(STUDY.filter),
        reads=json.dumps(STUDY.reads),
        folds=STUDY.split.folds,
        check=settings_json("data_check", "check"),
        images=lambda wildcards, input: options(array=input.array, index=input.index),
    message:
        "Checking the data of {STUDY_NAME}"
    shell:
        "python -m lungfuse data-check --title {params.title} --notice={params.notice:q} --task {params.task} "
        "--filter {params.filter:q} --reads {params.reads:q} --folds {params.folds} --check {params.check:q} "
        "--candidates {input.candidates} --reports {input.reports} --views {input.views} --values {input.values} "
        "--value-columns {input.value_columns} --funnel {input.funnel} --rejected {input.rejected} {params.images} "
        "--findings {output.findings} --check-scores {output.check_scores} --check-cases {output.check_cases} "
        "--check-page {output.check_page} > {log} 2>&1"


rule split:
    input:
        candidates=PATHS.candidates,
        findings=PATHS.findings,
        funnel=PATHS.funnel,
        rejected=PATHS.rejected,
        values=PATHS.values,
        value_columns=PATHS.value_columns,
        code=code_of("split", TASK_MODULE),
    output:
        pairs=PATHS.pairs,
        validation=PATHS.validation,
        structured=STRUCTURED[:1],
        structured_columns=STRUCTURED[1:],
    log:
        PATHS.logs / "split.log",
    benchmark:
        PATHS.logs / "split.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of=named_images),
        runtime=scaled(10, each=1 * MS, of=named_images),
        turn=1,
    params:
        task=STUDY.task,
        labels=STUDY.labels,
        modalities=STUDY.modalities,
        label_columns=options(label_columns=PATHS.label_columns),
        structured=lambda wildcards, output: options(
            structured=output.structured, structured_columns=output.structured_columns
        ),
        split=to_json(STUDY.split),
        seed=STUDY.seed,
        rejected_share=STUDY.rejected_share,
        check=settings_json("split", "check"),
    message:
        "Splitting the pairs of {STUDY_NAME} into folds"
    shell:
        "python -m lungfuse split --task {params.task} --labels {params.labels} --modalities {params.modalities} "
        "--split {params.split:q} --seed {params.seed} --rejected-share {params.rejected_share} "
        "--check {params.check:q} --findings {input.findings} "
        "--candidates {input.candidates} --funnel {input.funnel} --rejected {input.rejected} --values {input.values} "
        "--value-columns {input.value_columns} {params.label_columns} --pairs {output.pairs} "
        "--validation {output.validation} {params.structured} > {log} 2>&1"
