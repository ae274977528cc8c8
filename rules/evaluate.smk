"""Rank the cells of a variant, in one job or one job a shard, and compute the metrics of a setting's cells."""

HISTOGRAMS, RELEVANCE = (
    {part: f"{RESULTS}/{path}" for part, path in of.items()} for of in (paths.HISTOGRAMS, paths.RELEVANCE)
)
SHARDED = {part: path.replace(VARIANT, f"{VARIANT}/{paths.SHARD}") for part, path in HISTOGRAMS.items()}


rule rank:
    input:
        unpack(shared(split=plan.split)),
        codes=lambda wildcards: plan.files(plan.cells_of(wildcards), paths.CODES),
    output:
        **HISTOGRAMS,
    log:
        log_of(VARIANT, "rank"),
    benchmark:
        benchmark_of(VARIANT, "rank")
    wildcard_constraints:
        dataset=one_of(plan.sharded(False)),
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["rank"]
    resources:
        mem_mb=sized(megabytes, "rank"),
        runtime=sized(minutes, "rank"),
        gpu=0 if config["ranking"]["device"] == "cpu" else 1,
    params:
        how=plan.part,
        numeric_threads=config["threads"]["rank"],
        code=code("rank"),
    message:
        OF_SETTING % "rank {wildcards.variant}"
    script:
        "../workflow/scripts/rank.py"


use rule rank as rank_shard with:
    output:
        **{part: temp(path) for part, path in SHARDED.items()},
    log:
        log_of(f"{VARIANT}/{paths.SHARD}", "rank"),
    benchmark:
        benchmark_of(f"{VARIANT}/{paths.SHARD}", "rank")
    wildcard_constraints:
        dataset=one_of(plan.sharded(True)),
    message:
        OF_SETTING % "rank shard {wildcards.shard} of {wildcards.variant}"


rule add_shards:
    input:
        database=shards(SHARDED["database"]),
        unseen=shards(SHARDED["unseen"]),
    output:
        **HISTOGRAMS,
    log:
        log_of(VARIANT, "add_shards"),
    benchmark:
        benchmark_of(VARIANT, "add_shards")
    wildcard_constraints:
        dataset=one_of(plan.sharded(True)),
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "add_shards"),
        runtime=sized(minutes, "add_shards"),
        gpu=0,
    params:
        code=code("add_shards"),
    message:
        OF_SETTING % "add up the shards of {wildcards.variant}"
    script:
        "../workflow/scripts/add_shards.py"


rule rank_by_scores:
    input:
        unpack(shared(split=plan.split, features=plan.features_file)),
        models=lambda wildcards: [plan.model(cell) for cell in plan.cells_of(wildcards)],
    output:
        **RELEVANCE,
    log:
        log_of(VARIANT, "rank_by_scores"),
    benchmark:
        benchmark_of(VARIANT, "rank_by_scores")
    conda:
        "../envs/l2h.yaml"
    threads: config["threads"]["fit"]
    resources:
        mem_mb=sized(megabytes, "rank_by_scores"),
        runtime=sized(minutes, "rank_by_scores"),
        gpu=0,
    params:
        cells=lambda wildcards: [plan.key(cell) for cell in plan.cells_of(wildcards)],
        numeric_threads=config["threads"]["fit"],
        code=code("rank_by_scores"),
    message:
        OF_SETTING % "rank {wildcards.variant}"
    script:
        "../workflow/scripts/rank_by_scores.py"


rule evaluate:
    input:
        unpack(shared(split=plan.split)),
        database=lambda wildcards: plan.rankings(wildcards, "database"),
        unseen=lambda wildcards: plan.rankings(wildcards, "unseen"),
        codes=lambda wildcards: plan.files(plan.cells_of_kind(wildcards, Hasher, External), paths.CODES),
        # the models of deep methods record how their heads were chosen
        models=lambda wildcards: [plan.model(cell) for cell in plan.cells_of_kind(wildcards, DeepHasher)],
    output:
        metrics=f"{RESULTS}/{paths.METRICS}",
        queries=f"{RESULTS}/{paths.QUERIES}",
    log:
        log_of(SETTING, "evaluate"),
    benchmark:
        benchmark_of(SETTING, "evaluate")
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "evaluate"),
        runtime=sized(minutes, "evaluate"),
        gpu=0,
    params:
        code=code("evaluate"),
    message:
        OF_SETTING % "evaluate all methods"
    script:
        "../workflow/scripts/evaluate.py"
