rule model:
    input:
        needed("model"),
    output:
        file=LAYOUT.model("{model}"),
    log:
        LAYOUT.logs / "model" / "{model}.log",
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
    params:
        settings=settings("model"),
    message:
        "Writing the settings of {wildcards.model}"
    shell:
        stage("model", "--model {wildcards.model}")


for modality in ["image", "text"]:

    rule:
        name:
            f"{modality}_encoder"
        input:
            needed("encoder"),
        output:
            **LAYOUT.encoder("{encoder}", modality),
        log:
            ENCODER_LOGS / "{encoder}.log",
        wildcard_constraints:
            encoder=one_of(PLAN.encoders_of(modality)),
        conda:
            f"{GPU_ENVS}/fusion.yaml"
        resources:
            mem_mb=scaled(4000),
            runtime=scaled(30),
        message:
            "Making the encoder {wildcards.encoder}"
        shell:
            stage("encoder", "--encoder {wildcards.encoder}")


rule pretraining_images:
    input:
        needed("pretraining_images"),
    output:
        **LAYOUT.pretraining_images,
    log:
        LAYOUT.logs / "pretraining_images.log",
    benchmark:
        LAYOUT.logs / "pretraining_images.benchmark.tsv"
    group:
        "pretrain"
    conda:
        "../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(60),
        turn=1,
    params:
        settings=settings("pretraining_images"),
    message:
        f"Decoding the images of {', '.join(STUDY.pretraining.sets)} for pre-training"
    shell:
        stage("pretraining_images", "--threads {threads}")


rule pretrain:
    input:
        needed("pretrain"),
    output:
        **LAYOUT.pretrained("{pretraining}"),
    log:
        LAYOUT.logs / "pretrain" / "{pretraining}.log",
    benchmark:
        LAYOUT.logs / "pretrain" / "{pretraining}.benchmark.tsv"
    group:
        "pretrain"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: PLAN.pretraining.devices
    resources:
        mem_mb=scaled(8000, each=5 * KB, of="images"),
        runtime=scaled(240, each=PLAN.pretraining.epochs * 5 * MS, of="images"),
        gpu=PLAN.pretraining.devices,
        turn=1,
    params:
        settings=settings("pretrain"),
    message:
        "Training {wildcards.pretraining} on patients that are in no pair"
    shell:
        stage("pretrain", "--pretraining {wildcards.pretraining} --threads {threads}")


rule features:
    input:
        needed("features"),
    output:
        **LAYOUT.features("{source}", "{reads}"),
    log:
        LAYOUT.logs / "features" / "{source}_{reads}.log",
    benchmark:
        LAYOUT.logs / "features" / "{source}_{reads}.benchmark.tsv"
    priority: FIRST
    group:
        lambda wildcards: SIZES.features_group(**dict(wildcards.items()))
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=scaled(4000, each=5 * KB),
        runtime=scaled(20, each=10 * MS),
        gpu=1,
        turn=1,
    params:
        settings=settings("features"),
    message:
        "Encoding {wildcards.reads} with {wildcards.source}"
    shell:
        stage("features", "--source {wildcards.source} --reads {wildcards.reads} --threads {threads}")


# A rule for all estimators that are fitted as often: they leave as many files.
for n_seeds, fitted in PLAN.fitted.items():
    runs = run_names(STUDY.split.folds, n_seeds)

    rule:
        name:
            "fit" if n_seeds == STUDY.n_seeds else f"fit_{n_seeds}"
        input:
            needed("fit"),
        output:
            **(LAYOUT.predictions("{model}") | LAYOUT.estimators("{model}", runs)),
        log:
            LAYOUT.logs / "fit" / "{model}.log",
        benchmark:
            LAYOUT.logs / "fit" / "{model}.benchmark.tsv"
        wildcard_constraints:
            model=one_of(fitted),
        group:
            "baselines"
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=scaled(1000, each=lambda wildcards: SIZES.baseline_mb(wildcards.model)),
            runtime=scaled(10 * n_seeds, each=10 * n_seeds * MS),
            turn=1,
        message:
            "Fitting {wildcards.model}"
        shell:
            model_stage("fit")


rule train:
    input:
        needed("train"),
    output:
        **LAYOUT.network("{model}", "{run}"),
    log:
        LAYOUT.logs / "train" / "{model}_fold{run}.log",
    benchmark:
        LAYOUT.logs / "train" / "{model}_fold{run}.benchmark.tsv"
    wildcard_constraints:
        model=one_of(PLAN.of_stage("train")),
    priority: lambda wildcards: SIZES.waiting(wildcards.model)
    group:
        lambda wildcards: SIZES.training_group(**dict(wildcards.items()))
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: lambda wildcards: PLAN.devices(wildcards.model)
    resources:
        mem_mb=scaled(8000, each=5 * KB),
        runtime=scaled(*training_minutes),
        gpu=lambda wildcards: PLAN.devices(wildcards.model),
        turn=1,
    message:
        "Training {wildcards.model}, fold {wildcards.run}"
    shell:
        model_stage("train", "--run {wildcards.run} --threads {threads}")


rule pool_folds:
    input:
        needed("pool_folds"),
    output:
        **LAYOUT.predictions("{model}"),
        curve=LAYOUT.curve("{model}"),
    log:
        LAYOUT.logs / "pool_folds" / "{model}.log",
    wildcard_constraints:
        model=one_of(PLAN.of_stage("train")),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB),
        runtime=scaled(10, each=1 * MS),
    params:
        n_seeds=lambda wildcards: PLAN.pool_folds(wildcards.model).settings["n_seeds"],
    message:
        "Collecting the predictions of all folds: {wildcards.model}"
    shell:
        model_stage("pool_folds", "--n-seeds {params.n_seeds}")


rule late:
    input:
        needed("late"),
    output:
        **LAYOUT.predictions("{model}"),
        settings=LAYOUT.late_settings("{model}"),
    log:
        LAYOUT.logs / "late" / "{model}.log",
    wildcard_constraints:
        model=one_of(PLAN.of_stage("late")),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB),
        runtime=scaled(10, each=1 * MS),
    params:
        n_seeds=lambda wildcards: PLAN.late(wildcards.model).settings["n_seeds"],
    message:
        "Combining the scores of the parts of {wildcards.model}"
    shell:
        model_stage("late", "--n-seeds {params.n_seeds}")


rule permute:
    input:
        needed("permute"),
    output:
        permuted=LAYOUT.permuted("{model}"),
    log:
        LAYOUT.logs / "permute" / "{model}.log",
    benchmark:
        LAYOUT.logs / "permute" / "{model}.benchmark.tsv"
    wildcard_constraints:
        model=one_of(PLAN.permutable),
    priority: lambda wildcards: SIZES.waiting(wildcards.model)
    group:
        "permute"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=scaled(4000, each=10 * KB),
        runtime=scaled(30, each=100 * MS),
        gpu=1,
        turn=1,
    message:
        "Shuffling each input of {wildcards.model}"
    shell:
        model_stage("permute", "--threads {threads}")
