# Milliseconds a pair that scores and tests take; of several labels, each is ranked anew in every resample.
SCORING = 10 if PLAN.two_classes else 70 * len(STUDY.labels)


rule compare:
    input:
        needed("compare"),
    output:
        comparison_table=report_item(PLAN.comparison_table, PLAN.item("comparison")),
        comparison_page=LAYOUT.comparison_page,
        metrics=LAYOUT.results / "metrics.json",
    log:
        LAYOUT.logs / "compare.log",
    benchmark:
        LAYOUT.logs / "compare.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=SCORING * MS),
        turn=1,
    params:
        **shown("compare", PLAN.item("comparison")),
    message:
        f"Comparing the models of {PLAN.name}"
    shell:
        stage("compare")


rule analysis:
    input:
        needed("analysis"),
    output:
        **report_items(LAYOUT.analysis("{name}", "analysis"), PLAN.item),
    log:
        LAYOUT.logs / "analysis" / "{name}.log",
    benchmark:
        LAYOUT.logs / "analysis" / "{name}.benchmark.tsv"
    wildcard_constraints:
        name=one_of(PLAN.analyses_of("analysis")),
    group:
        lambda wildcards: PLAN.analyses[wildcards.name].group
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=30 * KB),
        runtime=scaled(30, each=max(300, SCORING) * MS),
        turn=1,
    params:
        **shown("analysis", PLAN.item),
    message:
        f"Analysing {PLAN.name}: {{wildcards.name}}"
    shell:
        stage("analysis", "--name {wildcards.name}")


use rule analysis as table with:
    output:
        **report_items(LAYOUT.analysis("{name}", "table"), PLAN.item),
    log:
        LAYOUT.logs / "table" / "{name}.log",
    benchmark:
        LAYOUT.logs / "table" / "{name}.benchmark.tsv"
    wildcard_constraints:
        name=one_of(PLAN.analyses_of("table")),


use rule analysis as figure with:
    output:
        **report_items(LAYOUT.analysis("{name}", "figure"), PLAN.item),
    log:
        LAYOUT.logs / "figure" / "{name}.log",
    benchmark:
        LAYOUT.logs / "figure" / "{name}.benchmark.tsv"
    wildcard_constraints:
        name=one_of(PLAN.analyses_of("figure")),
