"""A bundle of each dataset for others to use: splits, features and models."""


rule bundle:
    input:
        lambda wildcards: release.contents(plan, wildcards.dataset).values(),
    output:
        f"{RESULTS}/{paths.RELEASE}",
    log:
        log_of(RESULTS, "release/{dataset}"),
    benchmark:
        benchmark_of(RESULTS, "release/{dataset}")
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "bundle"),
        runtime=sized(minutes, "bundle"),
        gpu=0,
    params:
        paths=lambda wildcards: list(release.contents(plan, wildcards.dataset)),
        description=lambda wildcards: release.description(plan, wildcards.dataset),
        code=code("bundle"),
    message:
        "{wildcards.dataset}: release"
    script:
        "../workflow/scripts/bundle.py"


rule release:
    input:
        lambda wildcards: expand(f"{RESULTS}/{paths.RELEASE}", dataset=release.datasets_of(plan)),
    localrule: True
