rule cnn_weights:
    input:
        code=code_of("cnn-weights"),
    output:
        **PATHS.cnn_weights("{network}"),
    log:
        "logs/encoders/{network}.log",
    wildcard_constraints:
        network=one_of(STUDY.cnns.networks),
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(30),
    params:
        cnn_weights=STUDY.cnns.weights,
        seed=STUDY.seed,
    message:
        "Making the weights that {wildcards.network} starts from"
    shell:
        "python -m lungfuse cnn-weights --network {wildcards.network} --cnn-weights {params.cnn_weights} "
        "--seed {params.seed} --weights {output.weights} --source {output.source} > {log} 2>&1"


rule cnn:
    input:
        unpack(lambda wildcards: PATHS.variant_files(READS[wildcards.variant])),
        pairs=PATHS.pairs,
        start=lambda wildcards: PATHS.cnn_weights(wildcards.network)["weights"],
        code=code_of("cnn"),
    output:
        history=PATHS.cnn("{network}", "{variant}") / HISTORY,
        epoch_predictions=PATHS.cnn_predictions("{network}", "{variant}"),
        settings=PATHS.cnn("{network}", "{variant}") / TRAINED_SETTINGS,
    log:
        PATHS.logs / "cnn" / "{network}_{variant}.log",
    benchmark:
        PATHS.logs / "cnn" / "{network}_{variant}.benchmark.tsv"
    wildcard_constraints:
        network=one_of(STUDY.cnns.networks),
        variant=one_of(map(slug, STUDY.cnns.variants)),
    group:
        "cnn_{network}_{variant}"
    conda:
        f"{GPU_ENVS}/segmentation.yaml"
    threads: 1
    resources:
        mem_mb=scaled(8000),
        runtime=scaled(480),
        gpu=1,
        turn=1,
    params:
        variant=lambda wildcards: READS[wildcards.variant],
        cnns=settings_json("cnn", "cnns"),
        seed=STUDY.seed,
        inputs=lambda wildcards, input: image_options(input),
    message:
        "Training {wildcards.network} on {params.variant} images"
    shell:
        "python -m lungfuse cnn --network {wildcards.network} --variant {params.variant} "
        "--cnns {params.cnns:q} --seed {params.seed} --pairs {input.pairs} {params.inputs} --start {input.start} "
        "--history {output.history} --epoch-predictions {output.epoch_predictions} --settings {output.settings} "
        "--threads {threads} > {log} 2>&1"


rule cnn_comparison:
    input:
        pairs=PATHS.pairs,
        predictions=PATHS.all_cnn_predictions,
        sources=PATHS.cnn_sources,
        code=code_of("cnn-comparison", TASK_MODULE),
    output:
        cnn_table=report_item(PATHS.cnn_table),
    log:
        PATHS.logs / "cnn_comparison.log",
    benchmark:
        PATHS.logs / "cnn_comparison.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
        turn=1,
    params:
        task=STUDY.task,
        labels=STUDY.labels,
        cnns=settings_json("cnn_comparison", "cnns"),
        comparison=settings_json("cnn_comparison", "comparison"),
        seed=STUDY.seed,
    message:
        "Comparing the networks of {STUDY_NAME}"
    shell:
        "python -m lungfuse cnn-comparison --task {params.task} --labels {params.labels} --cnns {params.cnns:q} --comparison {params.comparison:q} "
        "--seed {params.seed} --pairs {input.pairs} --predictions {input.predictions} --sources {input.sources} "
        "--cnn-table {output.cnn_table} > {log} 2>&1"
