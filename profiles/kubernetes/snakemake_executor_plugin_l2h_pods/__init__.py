"""Jobs as pods that share the working directory, for Snakemake's `--executor l2h-pods`.

Snakemake's plug-in for Kubernetes does the work, but takes it that pods share nothing, so each would install a storage
plug-in from the network and copy what it reads. It also asks for a log that no pod has: one failed job ended the run.
"""

import os
import shlex
from dataclasses import replace

import snakemake_executor_plugin_kubernetes as plugin
from kubernetes.client import ApiException, BatchV1Api, CoreV1Api
from snakemake_executor_plugin_kubernetes import ExecutorSettings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

common_settings = replace(
    plugin.common_settings,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    auto_deploy_default_storage_provider=False,
)


class Pods(CoreV1Api):
    """What a pod said: the plug-in wants what its container said before a restart, and nothing restarts one."""

    def read_namespaced_pod_log(self, name, namespace, container, previous):
        try:
            return super().read_namespaced_pod_log(name, namespace, container=container)
        except ApiException as error:
            return f"{name} has no log: {error.reason}"


class Jobs(BatchV1Api):
    """A job without a GPU asks for none: "0" would let it take a node that is kept for those with one."""

    def create_namespaced_job(self, namespace, body):
        pod = body.spec.template.spec
        resources = pod.containers[0].resources
        for name in [name for name, amount in resources.requests.items() if amount == "0"]:
            del resources.requests[name], resources.limits[name]
            pod.tolerations = None
        return super().create_namespaced_job(namespace, body)

    def read_namespaced_job_status(self, name, namespace):
        try:
            return super().read_namespaced_job_status(name, namespace)
        except ApiException as error:
            if error.status != 404:
                raise
            return None  # somebody deleted it


class Executor(plugin.Executor):
    """The plug-in's, with the two clients above, which it may make anew when a token has run out."""

    kubeapi = property(lambda self: Pods(self._core.api_client), lambda self, api: setattr(self, "_core", api))
    batchapi = property(lambda self: Jobs(self._batch.api_client), lambda self, api: setattr(self, "_batch", api))

    def get_job_exec_prefix(self, job):
        """Pods begin in a folder of their own."""
        return f"cd {shlex.quote(os.getcwd())}"
