"""Audit and costs of each variant and code length, at the first seed, for one dataset and backbone.

Networks of scope full have costs but no audit, which would need the real-valued outputs of all images.
"""


rule audit:
    input:
        unpack(shared(split=plan.split, features=plan.features_file)),
        models=lambda wildcards: [plan.model(cell) for cell in plan.measured(wildcards, full=False)],
    output:
        f"{RESULTS}/{paths.AUDIT}",
    log:
        log_of(SETTING, "audit"),
    benchmark:
        benchmark_of(SETTING, "audit")
    conda:
        "../envs/l2h.yaml"
    threads: 1
    resources:
        mem_mb=sized(megabytes, "audit"),
        runtime=sized(minutes, "audit"),
        gpu=0,
    params:
        cells=lambda wildcards: [plan.key(cell) for cell in plan.measured(wildcards, full=False)],
        code=code("audit"),
    message:
        OF_SETTING % "scores under common evaluation bugs"
    script:
        "../workflow/scripts/audit.py"


# takes all cores so that no other job runs, but uses one thread: CPU time below wall time then shows a disturbance
rule costs:
    input:
        unpack(
            shared(
                images=plan.images,
                manifest=f"{HOME}/{paths.MANIFEST}",
                weights=plan.weights_file,
                split=plan.split,
                features=plan.features_file if plan.kind(full=False) else "",
            )
        ),
        models=lambda wildcards: plan.files(plan.measured(wildcards), paths.MODEL),
        codes=lambda wildcards: plan.files(plan.measured(wildcards), paths.CODES),
        trainings=lambda wildcards: plan.files(plan.measured(wildcards), paths.TRAINING),
    output:
        f"{RESULTS}/{paths.COSTS}",
    log:
        log_of(SETTING, "costs"),
    benchmark:
        benchmark_of(SETTING, "costs")
    conda:
        "../envs/l2h.yaml"
    threads: lambda wildcards: workflow.cores or 1
    resources:
        mem_mb=sized(megabytes, "costs"),
        runtime=sized(minutes, "costs"),
        gpu=0 if config["device"] == "cpu" else 1,
    params:
        cells=lambda wildcards: [plan.key(cell) for cell in plan.measured(wildcards)],
        entry=lambda wildcards: plan.measured_network(wildcards.backbone),
        device=config["device"],
        numeric_threads=1,
        code=code("costs"),
    message:
        OF_SETTING % "costs, alone on the machine"
    script:
        "../workflow/scripts/costs.py"
