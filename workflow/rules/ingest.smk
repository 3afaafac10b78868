from given_files import keep_given_files

# A raw file that is there is used as it is, and stays where outputs are deleted: it may have been put there by hand.
keep_given_files(workflow)


rule download:
    output:
        update(RAW / STUDY.dataset / "{file}"),
    log:
        LAYOUT.logs / "download" / "{file}.log",
    wildcard_constraints:
        file=one_of(PLAN.dataset.DOWNLOADS),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(240),
    message:
        "Fetching {output}"
    shell:
        f"python -m lungfuse download --study ${STUDY_NAME} --file {{wildcards.file}} 2>&1 | tee {{log}}"


rule draw:
    input:
        needed("draw"),
    output:
        **PLAN.draw().outputs,
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
    message:
        "Drawing the synthetic raw files of the demo: not patients"
    shell:
        stage("draw")


rule reports:
    input:
        needed("reports"),
    output:
        **PLAN.reports().outputs,
    log:
        LAYOUT.logs / "reports.log",
    benchmark:
        LAYOUT.logs / "reports.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of="images"),
        runtime=scaled(10, each=1 * MS, of="images"),
        turn=1,
    params:
        settings=settings("reports"),
    message:
        f"Reading the reports of {PLAN.raw}"
    shell:
        stage("reports")


rule images:
    input:
        needed("images"),
    output:
        **PLAN.images().outputs,
    log:
        LAYOUT.logs / "images.log",
    benchmark:
        LAYOUT.logs / "images.benchmark.tsv"
    priority: FIRST
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB, of="images"),
        runtime=scaled(30, each=100 * MS, of="images"),
        turn=1,
    params:
        settings=settings("images"),
    message:
        f"Decoding the images of {PLAN.raw}"
    shell:
        stage("images", "--threads {threads}")


rule filter:
    input:
        needed("filter"),
    output:
        **PLAN.filter().outputs,
    log:
        LAYOUT.logs / "filter.log",
    benchmark:
        LAYOUT.logs / "filter.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of="images"),
        runtime=scaled(10, each=1 * MS, of="images"),
        turn=1,
    params:
        settings=settings("filter"),
    message:
        f"Filtering the reports and images of {PLAN.name}"
    shell:
        stage("filter")


rule data_check:
    input:
        needed("data_check"),
    output:
        **PLAN.data_check().outputs,
    log:
        LAYOUT.logs / "data_check.log",
    benchmark:
        LAYOUT.logs / "data_check.benchmark.tsv"
    group:
        "pairs"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=scaled(500, each=12 * KB, of="images"),
        runtime=scaled(10, each=5 * MS, of="images"),
        turn=1,
    params:
        settings=settings("data_check"),
    message:
        f"Checking the data of {PLAN.name}"
    shell:
        stage("data_check")


rule split:
    input:
        needed("split"),
    output:
        **PLAN.split().outputs,
    log:
        LAYOUT.logs / "split.log",
    benchmark:
        LAYOUT.logs / "split.benchmark.tsv"
    group:
        "pairs"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB, of="images"),
        runtime=scaled(10, each=1 * MS, of="images"),
        turn=1,
    params:
        settings=settings("split"),
    message:
        f"Splitting the pairs of {PLAN.name} into folds"
    shell:
        stage("split")
