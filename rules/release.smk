rule bundle:
    input:
        lambda wildcards: bundled(wildcards.dataset).values(),
    output:
        f"{RESULTS}/release/{{dataset}}.tar",
    log:
        f"{RESULTS}/logs/release/{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/release/{{dataset}}.tsv"
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "bundle"),
        runtime=sized(minutes, "bundle"),
        gpu=0,
    params:
        paths=lambda wildcards: list(bundled(wildcards.dataset)),
        description=lambda wildcards: description_of(wildcards.dataset),
        code=code("bundle"),
    message:
        "{wildcards.dataset}: release"
    script:
        "../workflow/scripts/bundle.py"


rule release:
    input:
        expand(f"{RESULTS}/release/{{dataset}}.tar", dataset={name: None for name, _ in PROTOCOLS}),
    localrule: True
