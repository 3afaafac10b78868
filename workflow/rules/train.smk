rule baseline:
    input:
        unpack(lambda wildcards: PATHS.columns_of(STUDY.models[wildcards.row])),
        pairs=PATHS.pairs,
        validation=PATHS.validation,
        code=lambda wildcards: code_of("baseline", TASK_MODULE, module_of(STUDY.models[wildcards.row].model)),
    output:
        predictions=PATHS.predictions("{row}"),
        validated=PATHS.validated("{row}"),
        models=PATHS.estimator_files("{row}"),
    log:
        PATHS.logs / "baseline" / "{row}.log",
    benchmark:
        PATHS.logs / "baseline" / "{row}.benchmark.tsv"
    wildcard_constraints:
        row=one_of(STUDY.rows_of(["baseline"])),
    group:
        "baselines"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(1000, each=lambda wildcards: (5 if is_hashed(wildcards.row) else 30) * KB),
        runtime=scaled(10, each=10 * MS),
        turn=1,
    params:
        row=lambda wildcards: to_json(STUDY.models[wildcards.row]),
        task=STUDY.task,
        labels=STUDY.labels,
        class_weights=STUDY.class_weights,
        seed=STUDY.seed,
        redact_terms=lambda wildcards: redact_options(wildcards.row),
        structured=lambda wildcards, input: options(structured=input.get("structured"), columns=input.get("columns")),
        folder=lambda wildcards: PATHS.models / wildcards.row,
    message:
        "Predicting with {wildcards.row}"
    shell:
        "python -m lungfuse baseline --row {params.row:q} --task {params.task} --labels {params.labels} "
        "--class-weights {params.class_weights} --seed {params.seed} {params.redact_terms} --pairs {input.pairs} "
        "--validation {input.validation} {params.structured} --predictions {output.predictions} "
        "--validated {output.validated} --models {params.folder} > {log} 2>&1"


for modality in encoded(modality_names()):

    rule:
        name:
            f"{modality}_encoder"
        input:
            code=lambda wildcards: code_of("encoder", encoder_module(wildcards.name)),
        output:
            **PATHS.encoder("{name}", modality),
        log:
            "logs/encoders/{name}.log",
        wildcard_constraints:
            name=one_of(encoder_names(modality)),
        conda:
            f"{GPU_ENVS}/fusion.yaml"
        resources:
            mem_mb=scaled(4000),
            runtime=scaled(30),
        params:
            outputs=lambda wildcards, output: options(**dict(output.items())),
        message:
            "Making the encoder {wildcards.name}"
        shell:
            "python -m lungfuse encoder --name {wildcards.name} {params.outputs} > {log} 2>&1"


rule pretrain:
    input:
        encoder=lambda wildcards: list(PATHS.encoder(wildcards.encoder, "image").values()),
        reports=PATHS.reports,
        views=PATHS.views,
        pairs=PATHS.pairs,
        array=PATHS.array,
        index=PATHS.index,
        code=code_of(
            "pretrain",
            module_of("image"),
            inputs_module("image"),
            task_module("multilabel"),
            *map(encoder_module, STUDY.pretrained),
        ),
    output:
        weights=PATHS.pretrained("{encoder}") / "model.safetensors",
        history=PATHS.pretrained("{encoder}") / "history.csv",
        settings=PATHS.pretrained("{encoder}") / "settings.json",
    log:
        PATHS.logs / "pretrain" / "{encoder}.log",
    benchmark:
        PATHS.logs / "pretrain" / "{encoder}.benchmark.tsv"
    wildcard_constraints:
        encoder=one_of(STUDY.pretrained),
    group:
        "pretrain"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: STUDY.pretrain.devices
    resources:
        mem_mb=scaled(8000, each=5 * KB, of=named_images),
        runtime=scaled(240, each=STUDY.pretrain.epochs * 5 * MS, of=named_images),
        gpu=STUDY.pretrain.devices,
        turn=1,
    params:
        encoders=lambda wildcards: to_json(
            STUDY.encoders.model_copy(update={"image": wildcards.encoder}).read_for(["image"])
        ),
        fusion=to_json(STUDY.fusion),
        train=to_json(STUDY.pretrain),
        pretraining=STUDY.pretraining.min_reports,
        seed=STUDY.seed,
        encoder_root=PATHS.encoder_root,
    message:
        "Training {wildcards.encoder} on patients that are in no pair"
    shell:
        "python -m lungfuse pretrain --encoders {params.encoders:q} --fusion {params.fusion:q} --train {params.train:q} "
        "--min-reports {params.pretraining} --seed {params.seed} --reports {input.reports} --views {input.views} "
        "--pairs {input.pairs} --array {input.array} --index {input.index} --encoder-root {params.encoder_root} "
        "--weights {output.weights} --history {output.history} --settings {output.settings} --threads {threads} "
        "> {log} 2>&1"


rule features:
    input:
        unpack(
            lambda wildcards: PATHS.feature_inputs(
                wildcards.source, MODALITY_OF[wildcards.reads], READS[wildcards.reads]
            )
        ),
        pairs=PATHS.pairs,
        code=lambda wildcards: code_of(
            "features",
            inputs_module(MODALITY_OF[wildcards.reads]),
            encoder_module(PATHS.encoder_of(wildcards.source)),
        ),
    output:
        tokens=PATHS.features("{source}", "{reads}") / FEATURE_TOKENS,
        token_index=PATHS.features("{source}", "{reads}") / FEATURE_INDEX,
    log:
        PATHS.logs / "features" / "{source}_{reads}.log",
    benchmark:
        PATHS.logs / "features" / "{source}_{reads}.benchmark.tsv"
    wildcard_constraints:
        source=r"[\w-]+",
        reads=one_of(MODALITY_OF),
    group:
        features_group
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: 1
    resources:
        mem_mb=scaled(4000, each=5 * KB),
        runtime=scaled(20, each=10 * MS),
        gpu=1,
        turn=1,
    params:
        encoder=lambda wildcards: PATHS.encoder_of(wildcards.source),
        encoders=lambda wildcards: encoders_read(wildcards.source, MODALITY_OF[wildcards.reads]),
        precision=STUDY.train.precision,
        inputs=lambda wildcards, input: feature_options(wildcards.reads, input),
        encoder_root=PATHS.encoder_root,
    message:
        "Encoding {wildcards.reads} with {wildcards.source}"
    shell:
        "python -m lungfuse features --encoder {params.encoder} --encoders {params.encoders:q} "
        "--precision {params.precision} --pairs {input.pairs} --encoder-root {params.encoder_root} {params.inputs} "
        "--tokens {output.tokens} --token-index {output.token_index} --threads {threads} > {log} 2>&1"


rule linear_probe:
    input:
        unpack(lambda wildcards: PATHS.probe_inputs(wildcards.row)),
        pairs=PATHS.pairs,
        validation=PATHS.validation,
        code=lambda wildcards: code_of("linear-probe", TASK_MODULE, module_of(STUDY.models[wildcards.row].model)),
    output:
        predictions=PATHS.predictions("{row}"),
        validated=PATHS.validated("{row}"),
        models=PATHS.estimator_files("{row}"),
    log:
        PATHS.logs / "linear_probe" / "{row}.log",
    benchmark:
        PATHS.logs / "linear_probe" / "{row}.benchmark.tsv"
    wildcard_constraints:
        row=one_of(STUDY.rows_of(["probe"])),
    group:
        "baselines"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=scaled(1000, each=30 * KB),
        runtime=scaled(10, each=10 * MS),
        turn=1,
    params:
        row=lambda wildcards: to_json(STUDY.models[wildcards.row]),
        task=STUDY.task,
        labels=STUDY.labels,
        class_weights=STUDY.class_weights,
        seed=STUDY.seed,
        encoders=lambda wildcards: to_json(STUDY.encoders_of(STUDY.models[wildcards.row])),
        images=to_json(STUDY.images),
        precision=STUDY.train.precision,
        redact_terms=lambda wildcards: redact_options(wildcards.row),
        features=lambda wildcards, input: [Path(file).parent for file in input.features[::2]],
        masks=lambda wildcards, input: options(mask_settings=input.get("mask_settings")),
        folder=lambda wildcards: PATHS.models / wildcards.row,
    message:
        "Probing frozen encoders: {wildcards.row}"
    shell:
        "python -m lungfuse linear-probe --row {params.row:q} --task {params.task} --labels {params.labels} "
        "--class-weights {params.class_weights} --seed {params.seed} --encoders {params.encoders:q} "
        "--images {params.images:q} --precision {params.precision} {params.redact_terms} --pairs {input.pairs} "
        "--validation {input.validation} --features {params.features} {params.masks} "
        "--predictions {output.predictions} --validated {output.validated} --models {params.folder} > {log} 2>&1"


rule train:
    input:
        unpack(lambda wildcards: PATHS.training_inputs(wildcards.row, wildcards.run)),
        pairs=PATHS.pairs,
        validation=PATHS.validation,
        code=lambda wildcards: code_of("train", *modules_of(STUDY.models[wildcards.row])),
    output:
        weights=PATHS.model("{row}", "{run}") / "model.safetensors",
        history=PATHS.model("{row}", "{run}") / "history.csv",
        fold_predictions=PATHS.model("{row}", "{run}") / "predictions.csv",
        settings=PATHS.model("{row}", "{run}") / "settings.json",
    log:
        PATHS.logs / "train" / "{row}_fold{run}.log",
    benchmark:
        PATHS.logs / "train" / "{row}_fold{run}.benchmark.tsv"
    wildcard_constraints:
        row=one_of(STUDY.rows_of(TRAINED)),
        run=one_of(STUDY.runs),
    group:
        training_group
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: lambda wildcards: training_of(wildcards.row).devices
    resources:
        mem_mb=scaled(8000, each=5 * KB),
        runtime=scaled(
            lambda wildcards: 30 if is_short(wildcards.row) else 240,
            each=lambda wildcards: training_of(wildcards.row).epochs * (2 if is_short(wildcards.row) else 5) * MS,
        ),
        gpu=lambda wildcards: training_of(wildcards.row).devices,
        turn=1,
    params:
        row=lambda wildcards: to_json(STUDY.models[wildcards.row]),
        encoders=lambda wildcards: settings_json("train", "encoders", wildcards.row),
        fusion=lambda wildcards: settings_json("train", "fusion", wildcards.row),
        train=lambda wildcards: to_json(training_of(wildcards.row)),
        seed=STUDY.seed,
        images=to_json(STUDY.images),
        task=STUDY.task,
        labels=STUDY.labels,
        class_weights=STUDY.class_weights,
        redact_terms=lambda wildcards: redact_options(wildcards.row),
        place=lambda wildcards: run_options(wildcards.run),
        inputs=lambda wildcards, input: training_options(input),
        encoder_root=PATHS.encoder_root,
    message:
        "Training {wildcards.row}, fold {wildcards.run}"
    shell:
        "python -m lungfuse train --row {params.row:q} {params.place} --encoders {params.encoders:q} "
        "--fusion {params.fusion:q} --train {params.train:q} --seed {params.seed} --images {params.images:q} "
        "--task {params.task} --labels {params.labels} --class-weights {params.class_weights} {params.redact_terms} "
        "--pairs {input.pairs} --validation {input.validation} {params.inputs} --encoder-root {params.encoder_root} "
        "--weights {output.weights} --history {output.history} --fold-predictions {output.fold_predictions} "
        "--settings {output.settings} --threads {threads} > {log} 2>&1"


rule pool_folds:
    input:
        pairs=PATHS.pairs,
        fold_predictions=lambda wildcards: PATHS.fold_predictions(wildcards.row),
        code=code_of("pool-folds", TASK_MODULE),
    output:
        predictions=PATHS.predictions("{row}"),
        validated=PATHS.validated("{row}"),
    log:
        PATHS.logs / "pool_folds" / "{row}.log",
    wildcard_constraints:
        row=one_of(STUDY.rows_of(TRAINED)),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB),
        runtime=scaled(10, each=1 * MS),
    params:
        task=STUDY.task,
        labels=STUDY.labels,
    message:
        "Pooling the folds of {wildcards.row}"
    shell:
        "python -m lungfuse pool-folds --task {params.task} --labels {params.labels} --pairs {input.pairs} "
        "--fold-predictions {input.fold_predictions} --predictions {output.predictions} --validated {output.validated} "
        "> {log} 2>&1"


rule late:
    input:
        fold_predictions=lambda wildcards: PATHS.late_inputs(wildcards.row),
        pairs=PATHS.pairs,
        code=lambda wildcards: code_of("late", TASK_MODULE, module_of(STUDY.models[wildcards.row].model)),
    output:
        predictions=PATHS.predictions("{row}"),
        validated=PATHS.validated("{row}"),
        settings=PATHS.late_settings("{row}"),
    log:
        PATHS.logs / "late" / "{row}.log",
    wildcard_constraints:
        row=one_of(STUDY.rows_of(["late"])),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB),
        runtime=scaled(10, each=1 * MS),
    params:
        row=lambda wildcards: to_json(STUDY.models[wildcards.row]),
        task=STUDY.task,
        labels=STUDY.labels,
        class_weights=STUDY.class_weights,
        parts=lambda wildcards: list(STUDY.parts_of(STUDY.models[wildcards.row])),
    message:
        "Fusing the scores of the parts of {wildcards.row}"
    shell:
        "python -m lungfuse late --row {params.row:q} --task {params.task} --labels {params.labels} "
        "--class-weights {params.class_weights} --pairs {input.pairs} --parts {params.parts} --fold-predictions {input.fold_predictions} "
        "--predictions {output.predictions} --validated {output.validated} --settings {output.settings} "
        "> {log} 2>&1"
