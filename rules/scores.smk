use rule fit as fit_scorer with:
    output:
        model=directory(f"{CELL}/model"),
        training=f"{CELL}/training.parquet",
    wildcard_constraints:
        variant=one_of(variant for variant in ON_FEATURES if issubclass(method_class(variant), Scorer)),


rule rank_by_scores:
    input:
        unpack(shared(split=split_of, model=model_of, features=features_of)),
    output:
        database=f"{CELL}/relevance.parquet",
        unseen=f"{CELL}/relevance_unseen.parquet",
    log:
        f"{CELL_LOG}/rank_by_scores.log",
    benchmark:
        f"{CELL_BENCHMARK}/rank_by_scores.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["fit"]
    resources:
        mem_mb=sized(megabytes, "rank_by_scores"),
        runtime=sized(minutes, "rank_by_scores"),
        gpu=0,
    params:
        key=cell_key,
        numeric_threads=config["threads"]["fit"],
        code=lambda wildcards: code("rank_by_scores", method_of(wildcards)),
    message:
        CELL_MESSAGE % "rank by"
    script:
        "../workflow/scripts/rank_by_scores.py"
