rule draw_masks:
    input:
        needed("draw_masks"),
    output:
        figure=report_item(LAYOUT.figure("masks_{segmenter}"), PLAN.masks_item),
    log:
        LAYOUT.logs / "draw_masks" / "{segmenter}.log",
    benchmark:
        LAYOUT.logs / "draw_masks" / "{segmenter}.benchmark.tsv"
    group:
        "masks"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=5 * KB, of="images"),
        runtime=scaled(10),
        turn=1,
    params:
        **shown("draw_masks", PLAN.masks_item),
    message:
        "Drawing the masks of {wildcards.segmenter}"
    shell:
        stage("draw_masks", "--segmenter {wildcards.segmenter}")


EXPLANATION = {
    "figure": report_item(LAYOUT.figure("explanation_{model}"), PLAN.explanation_of),
    "scores": LAYOUT.explanation_scores("{model}"),
}


rule explanation:
    input:
        needed("explanation"),
    output:
        **EXPLANATION,
    log:
        LAYOUT.logs / "explanation" / "{model}.log",
    benchmark:
        LAYOUT.logs / "explanation" / "{model}.benchmark.tsv"
    wildcard_constraints:
        model=one_of(PLAN.explained),
    priority: FIRST
    group:
        "explanation"
    conda:
        f"{GPU_ENVS}/fusion.yaml"
    resources:
        mem_mb=scaled(4000, each=5 * KB),
        runtime=scaled(60),
        turn=1,
    params:
        **shown("explanation", PLAN.explanation_of),
    message:
        "Explaining {wildcards.model}"
    shell:
        stage("explanation", "--model {wildcards.model}")


rule pages:
    input:
        needed("pages"),
    output:
        [report_item(LAYOUT.page(name), item, caption=None) for name, item in PLAN.pages_shown.items()],
        **PLAN.pages().outputs,
    log:
        LAYOUT.logs / "pages.log",
    benchmark:
        LAYOUT.logs / "pages.benchmark.tsv"
    group:
        "scores"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(500, each=10 * KB),
        runtime=scaled(10, each=1 * MS),
        turn=1,
    params:
        settings=settings("pages"),
    message:
        f"Writing the cards of {PLAN.name}"
    shell:
        stage("pages")


rule document:
    input:
        needed("document"),
    output:
        LAYOUT.report,
    log:
        LAYOUT.logs / "document.log",
    benchmark:
        LAYOUT.logs / "document.benchmark.tsv"
    group:
        "document"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=scaled(1000),
        runtime=scaled(10),
        turn=1,
    params:
        settings=settings("document"),
    message:
        f"Writing the report of {PLAN.name}"
    shell:
        stage("document")


# Snakemake makes this page itself from the graph of jobs: the Snakemake that runs, wherever rules get their software.
rule provenance_html:
    input:
        shown=PLAN.shown,
        code=sorted((WORKFLOW_FOLDER / "report").iterdir()),
        script=WORKFLOW_FOLDER / "scripts" / "write_report.py",
    output:
        LAYOUT.workflow_report,
    log:
        LAYOUT.logs / "provenance_html.log",
    benchmark:
        LAYOUT.logs / "provenance_html.benchmark.tsv"
    conda:
        "../envs/report.yaml"
    container:
        None
    resources:
        mem_mb=scaled(1000),
        runtime=scaled(10),
    params:
        python=sys.executable,
        snakefile=os.path.relpath(workflow.main_snakefile),
    message:
        f"Writing how each figure of {PLAN.name} was made"
    shell:
        f"{{params.python}} {{input.script}} {PLAN.name} {{params.snakefile:q}} {{output}} {{input.shown}} > {{log}} 2>&1"
