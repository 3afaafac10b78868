rule baseline:
    input:
        pairs=PATHS.pairs,
        code=CODE / "train" / "baseline.py",
    output:
        predictions=PATHS.predictions("{row}"),
    log:
        PATHS.logs / "baseline" / "{row}.log",
    benchmark:
        PATHS.logs / "baseline" / "{row}.benchmark.tsv"
    wildcard_constraints:
        row="|".join(map(re.escape, STUDY.rows)),
    conda:
        "../envs/data.yaml"
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        row=lambda wildcards: to_json(STUDY.rows[wildcards.row]),
        baselines=to_json(STUDY.baselines),
        seed=STUDY.seed,
    message:
        "Predicting with {wildcards.row}"
    shell:
        "python -m lungfuse baseline --row {params.row:q} --baselines {params.baselines:q} --seed {params.seed} "
        "--pairs {input.pairs} --predictions {output.predictions} > {log} 2>&1"
