"""The Kubernetes manifests: well formed, at one with each other, and with the program."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import PurePosixPath
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

import flags
from cluster import topology
from settings import ExitStatus, Mode
from tests.cluster import manifests
from tests.cluster.manifests import container, one, templates
from tests.common import ROOT

VERSIONS = [manifests.OLDEST, kubernetes_validate.latest_version()]
TRAINING = "tfjob.yaml"


def parsed(template):
    command = flags.parse(["main.py", *container(template)["args"]])
    assert command
    return command


PODS = {
    f"{name} {number}": template
    for name in manifests.FILES
    for document in manifests.read(name)
    for number, template in enumerate(templates(document))
}
every_pod = pytest.mark.parametrize("template", PODS.values(), ids=PODS.keys())


# Each by itself.


def test_there_is_what_the_docs_name():
    assert manifests.FILES == ["claim.yaml", "job.yaml", "tensorboard.yaml", "tfjob.yaml"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", manifests.FILES)
def test_a_manifest_is_well_formed(name, version):
    documents = manifests.read(name)
    assert documents
    for document in documents:
        manifests.check(document, version)


POD = ["spec", "tfReplicaSpecs", "Chief", "template", "spec"]
BROKEN: list[tuple[str, str, list[Any], Any]] = [
    ("claim.yaml", "PersistentVolumeClaim", ["spec", "accessModes"], "ReadWriteMany"),
    ("claim.yaml", "PersistentVolumeClaim", ["spec", "storage"], "50Gi"),
    ("job.yaml", "Job", ["spec", "template"], None),
    ("job.yaml", "Job", ["spec", "podFailurePolicy", "rules", 0, "action"], None),
    ("job.yaml", "Job", ["spec", "template", "spec", "containers", 0, "arguments"], ["--help"]),
    ("tensorboard.yaml", "Deployment", ["spec", "selector"], None),
    ("tensorboard.yaml", "Deployment", ["spec", "replicas"], "one"),
    ("tensorboard.yaml", "Service", ["spec", "ports", 0, "port"], None),
    ("tfjob.yaml", "TFJob", ["spec", "cleanPodPolicy"], "Running"),
    ("tfjob.yaml", "TFJob", ["spec", "runPolicy", "cleanPodPolicy"], "Runing"),
    ("tfjob.yaml", "TFJob", ["spec", "runPolicy", "activeDeadlineSeconds"], "7d"),
    ("tfjob.yaml", "TFJob", ["spec", "tfReplicaSpecs", "Chief"], None),
    ("tfjob.yaml", "TFJob", ["spec", "tfReplicaSpecs", "Workers"], {}),
    ("tfjob.yaml", "TFJob", ["spec", "tfReplicaSpecs", "Worker", "replicas"], 1.5),
    ("tfjob.yaml", "TFJob", ["spec", "tfReplicaSpecs", "Chief", "restartPolicy"], "OnExitCode"),
    ("tfjob.yaml", "TFJob", [*POD, "containers", 0, "ports", 0, "containerPort"], None),
    ("tfjob.yaml", "TFJob", [*POD, "containers", 0, "resources", "gpus"], 1),
    ("tfjob.yaml", "TFJob", [*POD, "gracePeriodSeconds"], 120),
    ("tfjob.yaml", "NetworkPolicy", ["spec", "ingress", 0, "from"], {}),
]


@pytest.mark.parametrize(("name", "kind", "path", "value"), BROKEN, ids=lambda value: str(value)[-30:])
def test_a_broken_one_is_not(name, kind, path, value):
    """`value` None: the key is missing."""
    document = one(name, kind)
    part = document
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        manifests.check(document, VERSIONS[-1])


@every_pod
def test_a_pod_has_no_rights_that_it_does_not_need(template):
    pod, own = template["spec"]["securityContext"], container(template)["securityContext"]
    assert pod["runAsNonRoot"] and pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not own["allowPrivilegeEscalation"] and own["readOnlyRootFilesystem"]
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert not template["spec"]["automountServiceAccountToken"]


@every_pod
def test_a_pod_is_of_the_images_user_and_may_write_where_libraries_do(template):
    security = template["spec"]["securityContext"]
    ids = {security[key] for key in ("runAsUser", "runAsGroup", "fsGroup")}
    assert f"USER {ids.pop()}:{security['runAsGroup']}\n" in (ROOT / "Dockerfile").read_text() and not ids
    assert {"name": "tmp", "mountPath": "/tmp"} in container(template)["volumeMounts"]
    assert {"name": "tmp", "emptyDir": {}} in template["spec"]["volumes"]


@every_pod
def test_a_pods_flags_are_the_programs(template):
    command = parsed(template)
    if command.mode is Mode.TRAIN_AND_EVALUATE:
        assert flags.experiment(command, num_train_examples=lambda data: 50_000).settings.model_dir == command.model_dir


def test_one_image_serves_all():
    images = {container(pod)["image"] for pod in PODS.values()}
    assert len(images) == 1 and images.pop().startswith("registry.example/")


# Storage.


@every_pod
def test_what_a_pod_reads_and_writes_is_in_the_claim(template):
    claim = one("claim.yaml", "PersistentVolumeClaim")
    volumes = {volume["name"]: volume for volume in template["spec"]["volumes"]}
    mounts = container(template)["volumeMounts"]
    assert {mount["name"] for mount in mounts} == volumes.keys()
    source = volumes["storage"]["persistentVolumeClaim"]
    assert source["claimName"] == claim["metadata"]["name"]
    command = parsed(template)
    (mount,) = (mount for mount in mounts if mount["name"] == "storage")
    folders = [command.model_dir, *filter(None, [command.values["data_dir"]])]
    assert all(PurePosixPath(mount["mountPath"]) in PurePosixPath(folder).parents for folder in folders)
    only_looks = command.mode is Mode.TENSORBOARD
    assert mount.get("readOnly", False) == source.get("readOnly", False) == only_looks
    assert only_looks or len(folders) == 2, "a data set that is prepared in the pod is gone with it"


def test_pods_on_several_nodes_share_the_claim():
    assert one("claim.yaml", "PersistentVolumeClaim")["spec"]["accessModes"] == ["ReadWriteMany"]


def test_tensorboard_shows_what_jobs_write():
    (shown,) = templates(one("tensorboard.yaml", "Deployment"))
    for name, kind in ((TRAINING, "TFJob"), ("job.yaml", "Job")):
        for template in templates(one(name, kind)):
            assert PurePosixPath(parsed(shown).model_dir) in PurePosixPath(parsed(template).model_dir).parents


# TensorBoard.


def test_the_service_leads_to_tensorboard():
    deployment, service = one("tensorboard.yaml", "Deployment"), one("tensorboard.yaml", "Service")
    (template,) = templates(deployment)
    labels = template["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert service["spec"]["selector"].items() <= labels.items()
    (port,), (own,) = service["spec"]["ports"], container(template)["ports"]
    assert port["targetPort"] == own["name"]
    assert port["port"] == own["containerPort"] == parsed(template).values["tensorboard_port"]
    assert service["spec"]["type"] == "ClusterIP", "it has no password"
    probes = [container(template)[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")]
    assert all(probe == {"path": "/", "port": own["name"]} for probe in probes)
    assert parsed(template).values["tensorboard_host"] == "0.0.0.0", "neither probes nor the service ask at localhost"


# The job of several tasks.


def tfjob():
    return one(TRAINING, "TFJob")


def job():
    return tfjob()["spec"]


def test_the_operator_finds_the_container_and_its_port():
    for template in templates(tfjob()):
        assert container(template)["name"] == "tensorflow"
        ports = {port["name"]: port["containerPort"] for port in container(template)["ports"]}
        assert ports == {"tfjob-port": 2222, "membership": 2222 + 1}
        # The names that tasks find each other by are those of ready pods.
        assert "readinessProbe" not in container(template)


def operators_tf_config(role, index):
    """What the operator gives a pod: every service of the job but the evaluator's, which is named after it."""
    ports = {port["name"]: port["containerPort"] for port in container(next(templates(tfjob())))["ports"]}
    cluster = {
        name.lower(): [
            f"{tfjob()['metadata']['name']}-{name.lower()}-{number}.default.svc:{ports['tfjob-port']}"
            for number in range(replicas["replicas"])
        ]
        for name, replicas in job()["tfReplicaSpecs"].items()
        if name != "Evaluator"
    }
    return {"cluster": cluster, "task": {"type": role, "index": index}, "environment": "cloud"}


@pytest.mark.parametrize(("role", "index"), [("chief", 0), ("worker", 2), ("evaluator", 0)])
def test_the_program_knows_its_place_by_what_the_operator_says(role, index):
    environment = {"TF_CONFIG": json.dumps(operators_tf_config(role, index))}
    command = parsed(job()["tfReplicaSpecs"]["Chief"]["template"])
    task = topology.read_task(environment, evaluator_task=command.values["evaluator_task"])
    assert (task.role.value, task.index) == (role, index)
    assert task.num_workers == 4 and task.has_evaluator
    ports = {port["name"]: port["containerPort"] for port in container(next(templates(tfjob())))["ports"]}
    assert task.watch_address == f"stepdown-chief-0.default.svc:{ports['membership']}"


def test_all_tasks_are_of_one_mind():
    specs = job()["tfReplicaSpecs"]
    said = [parsed(replicas["template"]).values for replicas in specs.values()]
    assert all(values == said[0] for values in said)
    assert said[0]["evaluator_task"] == ("Evaluator" in specs)
    assert specs["Chief"]["replicas"] == specs["Evaluator"]["replicas"] == 1


def test_the_workers_share_the_batch():
    training = [job()["tfReplicaSpecs"][role] for role in ("Chief", "Worker")]
    gpus = [
        each["replicas"] * int(container(each["template"])["resources"]["limits"]["nvidia.com/gpu"])
        for each in training
    ]
    assert parsed(training[0]["template"]).values["batch_size"] % sum(gpus) == 0


def test_only_tasks_reach_tasks():
    policy = one(TRAINING, "NetworkPolicy")["spec"]
    selected = policy["podSelector"]["matchLabels"]
    assert policy["policyTypes"] == ["Ingress"]
    assert policy["ingress"] == [{"from": [{"podSelector": {"matchLabels": selected}}]}]
    for name, kind, of_job in ((TRAINING, "TFJob", True), ("tensorboard.yaml", "Deployment", False)):
        for template in templates(one(name, kind)):
            assert (selected.items() <= template["metadata"]["labels"].items()) == of_job


@pytest.mark.parametrize(("name", "kind"), [(TRAINING, "TFJob"), ("job.yaml", "Job")])
def test_there_is_time_for_a_last_checkpoint(name, kind):
    assert all(template["spec"]["terminationGracePeriodSeconds"] >= 60 for template in templates(one(name, kind)))


def test_the_operator_starts_again_what_the_wrapper_says():
    specs = job()["tfReplicaSpecs"]
    for replicas in specs.values():
        assert replicas["restartPolicy"] == "ExitCode"
        assert container(replicas["template"])["command"] == ["sh", "cluster/kubernetes/task.sh"]
    assert job()["runPolicy"]["activeDeadlineSeconds"] > 0, "nothing else ends what is started again and again"


def test_a_job_of_one_pod_starts_again_after_a_preemption_and_not_after_a_mistake():
    rules = one("job.yaml", "Job")["spec"]["podFailurePolicy"]["rules"]
    by_status = [(rule["action"], rule["onExitCodes"]["values"]) for rule in rules if "onExitCodes" in rule]
    assert by_status == [
        ("FailJob", [ExitStatus.FAILED, ExitStatus.USAGE]),
        ("Ignore", [ExitStatus.PREEMPTED]),
    ]
    (template,) = templates(one("job.yaml", "Job"))
    assert {rule["onExitCodes"]["containerName"] for rule in rules[:2]} == {container(template)["name"]}
    assert template["spec"]["restartPolicy"] == "Never", "the API server takes the rules with this alone"


# task.sh, with a small program for Python's interpreter.


@pytest.fixture
def task(tmp_path):
    """Starts task.sh where `python` is a program with the given text. It outlives neither the test nor two minutes."""
    processes = []

    def started(text, *arguments):
        python = tmp_path / "python"
        python.write_text(f"#!{sys.executable}\nimport os, signal, sys, time\n{text}\n")
        python.chmod(0o755)
        process = subprocess.Popen(
            ["sh", str(manifests.FOLDER / "task.sh"), *arguments],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append((process, threading.Timer(120, os.killpg, [process.pid, signal.SIGKILL])))
        processes[-1][1].start()
        return process

    yield started
    for process, watchdog in processes:
        watchdog.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (ExitStatus.COMPLETE, 0),
        (ExitStatus.FAILED, 1),
        (ExitStatus.USAGE, 2),
        (ExitStatus.PREEMPTED, 175),
        (ExitStatus.PEER_LOST, 176),
    ],
)
def test_statuses_become_what_the_operator_goes_by(task, status, told):
    process = task(f"sys.exit({status:d})")
    process.communicate(timeout=60)
    assert process.returncode == told


def test_who_was_killed_comes_again(task):
    process = task("os.kill(os.getpid(), signal.SIGKILL)")
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGKILL


def test_main_gets_the_flags_as_they_are(task):
    said, _ = task("print(sys.argv[1:])", "--run=a --b=1", "--model_dir=/with space").communicate(timeout=60)
    assert said == "['main.py', '--run=a --b=1', '--model_dir=/with space']\n"


@pytest.mark.parametrize(("status", "told"), [(75, 175), (0, 0), (2, 2)])
def test_sigterm_is_passed_on_and_waited_for(task, status, told):
    slow = f"""
def stop(number, frame):
    print("stopping", flush=True)
    time.sleep(1)
    print("stopped", flush=True)
    sys.exit({status})

signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(600)
"""
    process = task(slow)
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    assert process.stdout.readline() == "stopping\n"
    process.terminate()  # While it is waited for.
    said, _ = process.communicate(timeout=60)
    assert process.returncode == told
    assert said.endswith("stopped\n")
