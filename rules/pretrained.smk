# one rule a bundle, as each holds other files
for path, manifest in BUNDLES.items():

    rule:
        name:
            f"unpack_{manifest.id}"
        input:
            path if Path(path).is_file() else f"{path}/manifest.json",
        output:
            tables=expand(f"{UNPACKED[manifest.dataset]}/{{table}}", table=manifest.tables),
            models=directory([f"{UNPACKED[manifest.dataset]}/{model.folder}" for model in manifest.models]),
        log:
            f"resources/bundles/logs/{manifest.id}.log",
        benchmark:
            f"resources/bundles/benchmarks/{manifest.id}.tsv"
        conda:
            "../envs/l2h.yaml"
        threads: 1
        resources:
            mem_mb=sized(megabytes, "unpack"),
            runtime=sized(minutes, "unpack"),
            gpu=0,
        params:
            bundle=path,
            folder=UNPACKED[manifest.dataset],
            code=code("unpack"),
        message:
            f"{manifest.dataset}: verify and unpack {path}"
        script:
            "../workflow/scripts/unpack.py"
