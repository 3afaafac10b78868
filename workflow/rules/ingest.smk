# The tables of structured values, where rows may read them.
STRUCTURED = [PATHS.structured, PATHS.structured_columns] if "structured" in STUDY.modalities else []


rule download:
    output:
        update(RAW / STUDY.adapter / "{file}"),
    log:
        PATHS.logs / "download" / "{file}.log",
    wildcard_constraints:
        file=one_of(ADAPTER.DOWNLOADS),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=growing(500),
        runtime=growing(240),
    params:
        adapter=STUDY.adapter,
    message:
        "Fetching {output}"
    shell:
        "python -m lungfuse download --adapter {params.adapter} --file {output} 2>&1 | tee {log}"


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
        mem_mb=growing(500),
        runtime=growing(10),
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
        code=code_of("reports", ADAPTER.__name__),
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
        mem_mb=growing(500, each=10 * KB, of=named_images),
        runtime=growing(10, each=1 * MS, of=named_images),
        turn=1,
    params:
        adapter=STUDY.adapter,
        raw=PATHS.raw,
        audited=options(audited=PATHS.audited),
    message:
        "Reading the reports of {params.raw}"
    shell:
        "python -m lungfuse reports --adapter {params.adapter} --raw {params.raw} --reports {output.reports} "
        "--views {output.views} --values {output.values} --value-columns {output.value_columns} "
        "--rejected-reports {output.rejected_reports} {params.audited} > {log} 2>&1"


rule images:
    input:
        files=PATHS.image_files,
        views=PATHS.views,
        code=code_of("images", ADAPTER.__name__),
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
        mem_mb=growing(500, each=5 * KB, of=named_images),
        runtime=growing(30, each=100 * MS, of=named_images),
        turn=1,
    params:
        adapter=STUDY.adapter,
        raw=PATHS.raw,
        view=STUDY.view,
        images=to_json(STUDY.images),
    message:
        "Decoding the images of {params.raw}"
    shell:
        "python -m lungfuse images --adapter {params.adapter} --raw {params.raw} --view {params.view:q} "
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
        mem_mb=growing(500, each=10 * KB, of=named_images),
        runtime=growing(10, each=1 * MS, of=named_images),
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


rule split:
    input:
        candidates=PATHS.candidates,
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
        mem_mb=growing(500, each=10 * KB, of=named_images),
        runtime=growing(10, each=1 * MS, of=named_images),
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
    message:
        "Splitting the pairs of {STUDY_NAME} into folds"
    shell:
        "python -m lungfuse split --task {params.task} --labels {params.labels} --modalities {params.modalities} "
        "--split {params.split:q} --seed {params.seed} --rejected-share {params.rejected_share} "
        "--candidates {input.candidates} --funnel {input.funnel} --rejected {input.rejected} --values {input.values} "
        "--value-columns {input.value_columns} {params.label_columns} --pairs {output.pairs} "
        "--validation {output.validation} {params.structured} > {log} 2>&1"
