# A rule for all searches that propose as many points a round: it leaves as many files.
for width, searched in PLAN.widths.items():

    rule:
        name:
            "propose" if width == min(PLAN.widths) else f"propose_{width}"
        input:
            needed("propose"),
        output:
            [LAYOUT.proposal("{model}", "{run}", "{round}", trial) for trial in range(width)],
        log:
            LAYOUT.logs / "propose" / "{model}_fold{run}_round{round}.log",
        wildcard_constraints:
            model=one_of(searched),
        group:
            lambda wildcards: SIZES.search_group(**dict(wildcards.items()))
        conda:
            "../envs/data.yaml"
        resources:
            mem_mb=scaled(1000),
            runtime=scaled(10),
            turn=1,
        message:
            "Proposing settings of {wildcards.model}, fold {wildcards.run}, round {wildcards.round}"
        shell:
            model_stage("propose", "--run {wildcards.run} --round {wildcards.round}")


rule fit_trial:
    input:
        needed("fit_trial"),
    output:
        outcome=LAYOUT.outcome("{model}", "{run}", "{round}", "{trial}"),
    log:
        LAYOUT.logs / "fit_trial" / "{model}_fold{run}_round{round}_trial{trial}.log",
    wildcard_constraints:
        model=one_of(PLAN.searched_by("fit")),
    group:
        lambda wildcards: SIZES.search_group(**dict(wildcards.items()))
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(1000, each=lambda wildcards: SIZES.baseline_mb(wildcards.model)),
        runtime=scaled(10, each=5 * MS),
        turn=1,
    message:
        "Trying {wildcards.model}, fold {wildcards.run}, round {wildcards.round}, trial {wildcards.trial}"
    shell:
        model_stage("fit_trial", TRIAL)


rule train_trial:
    input:
        needed("train_trial"),
    output:
        outcome=LAYOUT.outcome("{model}", "{run}", "{round}", "{trial}"),
    log:
        LAYOUT.logs / "train_trial" / "{model}_fold{run}_round{round}_trial{trial}.log",
    wildcard_constraints:
        model=one_of(PLAN.searched_by("train")),
    group:
        lambda wildcards: SIZES.search_group(**dict(wildcards.items()))
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    threads: lambda wildcards: PLAN.devices(wildcards.model)
    resources:
        mem_mb=scaled(8000, each=5 * KB),
        runtime=scaled(*training_minutes),
        gpu=lambda wildcards: PLAN.devices(wildcards.model),
        turn=1,
    message:
        "Trying {wildcards.model}, fold {wildcards.run}, round {wildcards.round}, trial {wildcards.trial}"
    shell:
        model_stage("train_trial", f"{TRIAL} --threads {{threads}}")


rule select:
    input:
        needed("select"),
    output:
        best=LAYOUT.best("{model}", "{run}"),
    log:
        LAYOUT.logs / "select" / "{model}_fold{run}.log",
    wildcard_constraints:
        model=one_of(PLAN.searches),
    group:
        lambda wildcards: SIZES.search_group(**dict(wildcards.items()))
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500),
        runtime=scaled(10),
        turn=1,
    message:
        "Taking the best settings of {wildcards.model}, fold {wildcards.run}"
    shell:
        model_stage("select", "--run {wildcards.run}")
