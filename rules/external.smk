rule external_codes:
    input:
        unpack(shared(manifest=manifest_of)),
        codes=external_codes_of,
        checked=checked,
    output:
        f"{CELL}/codes.parquet",
    log:
        f"{CELL_LOG}/external_codes.log",
    benchmark:
        f"{CELL_BENCHMARK}/external_codes.tsv"
    wildcard_constraints:
        backbone=EXTERNAL,
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "external_codes"),
        runtime=sized(minutes, "external_codes"),
        gpu=0,
    params:
        key=cell_key,
        arguments=lambda wildcards: VARIANTS[wildcards.variant]["arguments"],
        code=lambda wildcards: code("external_codes", method_of(wildcards)),
    message:
        CELL_MESSAGE % "read codes of"
    script:
        "../workflow/scripts/external_codes.py"
