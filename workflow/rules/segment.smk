rule annotated:
    input:
        files=PATHS.mask_files,
        folders=ancient(PATHS.drawn_mask_folders),
        code=code_of("annotated", dataset_module(STUDY.segmentation.annotated.dataset)),
    output:
        annotated_images=PATHS.annotated_images,
        annotated_masks=PATHS.annotated_masks,
        annotated_index=PATHS.annotated_index,
        rejected_annotations=PATHS.rejected_annotations,
    log:
        PATHS.logs / "annotated.log",
    benchmark:
        PATHS.logs / "annotated.benchmark.tsv"
    group:
        "annotated"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
        turn=1,
    params:
        annotated=to_json(STUDY.segmentation.annotated),
        table=mask_table_options(),
        raw=PATHS.annotated_raw,
        seed=STUDY.seed,
        rejected_share=STUDY.rejected_share,
    message:
        "Reading the annotated images of {params.raw}"
    shell:
        "python -m lungfuse annotated --annotated {params.annotated:q} {params.table} --annotated-raw {params.raw} "
        "--seed {params.seed} --rejected-share {params.rejected_share} --annotated-images {output.annotated_images} "
        "--annotated-masks {output.annotated_masks} --annotated-index {output.annotated_index} "
        "--rejected-annotations {output.rejected_annotations} > {log} 2>&1"


rule segmenter:
    input:
        annotated_images=PATHS.annotated_images,
        annotated_masks=PATHS.annotated_masks,
        annotated_index=PATHS.annotated_index,
        code=code_of("segmenter"),
    output:
        network=PATHS.segmenter("{segmenter}") / SEGMENTER,
        history=PATHS.segmenter("{segmenter}") / HISTORY,
        settings=PATHS.segmenter("{segmenter}") / TRAINED_SETTINGS,
    log:
        PATHS.logs / "segmenter" / "{segmenter}.log",
    benchmark:
        PATHS.logs / "segmenter" / "{segmenter}.benchmark.tsv"
    wildcard_constraints:
        segmenter=one_of(STUDY.segmentation.segmenters),
    group:
        "segmenter_{segmenter}"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    threads: 2
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(240),
        gpu=1,
        turn=1,
    params:
        sites=lambda wildcards: STUDY.segmentation.segmenters[wildcards.segmenter],
        unet=to_json(STUDY.segmentation.unet),
        training=to_json(STUDY.segmentation.train),
        seed=STUDY.seed,
    message:
        "Training the segmenter {wildcards.segmenter}"
    shell:
        "python -m lungfuse segmenter --name {wildcards.segmenter} --sites {params.sites:q} "
        "--unet {params.unet:q} --train {params.training:q} --seed {params.seed} --annotated-images {input.annotated_images} "
        "--annotated-masks {input.annotated_masks} --annotated-index {input.annotated_index} "
        "--network {output.network} --history {output.history} --settings {output.settings} --threads {threads} "
        "> {log} 2>&1"


rule segmentation_scores:
    input:
        segmenters=[file for name in STUDY.segmentation.segmenters for file in PATHS.segmenter_files(name)],
        annotated_images=PATHS.annotated_images,
        annotated_masks=PATHS.annotated_masks,
        annotated_index=PATHS.annotated_index,
        code=code_of("segmentation-scores"),
    output:
        segmentation_table=report_item(PATHS.segmentation_table),
    log:
        PATHS.logs / "segmentation_scores.log",
    benchmark:
        PATHS.logs / "segmentation_scores.benchmark.tsv"
    group:
        "masks"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    threads: 2
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(30),
        turn=1,
    params:
        folders=[PATHS.segmenter(name) for name in STUDY.segmentation.segmenters],
        mask=to_json(STUDY.segmentation.mask),
        comparison=settings_json("segmentation_scores", "comparison"),
        seed=STUDY.seed,
    message:
        "Scoring the segmenters of {STUDY_NAME}"
    shell:
        "python -m lungfuse segmentation-scores --mask {params.mask:q} "
        "--comparison {params.comparison:q} --seed {params.seed} --segmenters {params.folders} "
        "--annotated-images {input.annotated_images} --annotated-masks {input.annotated_masks} "
        "--annotated-index {input.annotated_index} --segmentation-table {output.segmentation_table} > {log} 2>&1"


rule masks:
    input:
        segmenter=lambda wildcards: PATHS.segmenter_files(wildcards.segmenter),
        array=PATHS.array,
        index=PATHS.index,
        code=code_of("masks"),
    output:
        masks=PATHS.masks("{segmenter}"),
        quality=report_item(PATHS.mask_quality("{segmenter}"), "mask_quality", "{segmenter}"),
        settings=PATHS.mask_settings("{segmenter}"),
    log:
        PATHS.logs / "masks" / "{segmenter}.log",
    benchmark:
        PATHS.logs / "masks" / "{segmenter}.benchmark.tsv"
    wildcard_constraints:
        segmenter=one_of(STUDY.segmenters),
    group:
        "masks"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    threads: 2
    resources:
        mem_mb=scaled(2000, each=5 * KB, of=named_images),
        runtime=scaled(60, each=100 * MS, of=named_images),
        turn=1,
    params:
        folder=lambda wildcards: PATHS.segmenter(wildcards.segmenter),
        mask=to_json(STUDY.segmentation.mask),
        suspicious=to_json(STUDY.segmentation.suspicious),
    message:
        "Segmenting the images with {wildcards.segmenter}"
    shell:
        "python -m lungfuse masks --mask {params.mask:q} --suspicious {params.suspicious:q} --segmenter {params.folder} "
        "--array {input.array} --index {input.index} --masks {output.masks} --quality {output.quality} "
        "--settings {output.settings} > {log} 2>&1"
