rule annotated:
    input:
        needed("annotated"),
        folders=ancient(PLAN.synthetic_mask_folders),
    output:
        **PLAN.annotated().outputs,
    log:
        LAYOUT.logs / "annotated.log",
    benchmark:
        LAYOUT.logs / "annotated.benchmark.tsv"
    group:
        "annotated"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
        turn=1,
    params:
        settings=settings("annotated"),
    message:
        f"Reading the annotated images of {PLAN.annotated_raw}"
    shell:
        stage("annotated")


rule segmenter:
    input:
        needed("segmenter"),
    output:
        **LAYOUT.segmenter("{segmenter}"),
    log:
        LAYOUT.logs / "segmenter" / "{segmenter}.log",
    benchmark:
        LAYOUT.logs / "segmenter" / "{segmenter}.benchmark.tsv"
    group:
        "segmenter_{segmenter}"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(240),
        gpu=1,
        turn=1,
    params:
        settings=settings("segmenter"),
    message:
        "Training the segmenter {wildcards.segmenter}"
    shell:
        stage("segmenter", "--segmenter {wildcards.segmenter} --threads {threads}")


rule segmentation_scores:
    input:
        needed("segmentation_scores"),
    output:
        segmentation_table=report_item(PLAN.segmentation_table, PLAN.item("segmentation"), caption=None),
        region_table=report_item(PLAN.region_table, PLAN.item("regions"), caption=None),
    log:
        LAYOUT.logs / "segmentation_scores.log",
    benchmark:
        LAYOUT.logs / "segmentation_scores.benchmark.tsv"
    group:
        "masks"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(30),
        turn=1,
    params:
        settings=settings("segmentation_scores"),
    message:
        f"Scoring the segmenters of {PLAN.name}"
    shell:
        stage("segmentation_scores", "--threads {threads}")


rule masks:
    input:
        needed("masks"),
    output:
        **LAYOUT.masks("{segmenter}")
        | {"quality": report_item(LAYOUT.masks("{segmenter}")["quality"], PLAN.quality_item, caption=None)},
    log:
        LAYOUT.logs / "masks" / "{segmenter}.log",
    benchmark:
        LAYOUT.logs / "masks" / "{segmenter}.benchmark.tsv"
    group:
        "masks"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    resources:
        mem_mb=scaled(2000, each=5 * KB, of="images"),
        runtime=scaled(60, each=100 * MS, of="images"),
        turn=1,
    params:
        settings=settings("masks"),
    message:
        "Segmenting the images with {wildcards.segmenter}"
    shell:
        stage("masks", "--segmenter {wildcards.segmenter} --threads {threads}")
