#!/usr/bin/env python3
"""oci_cri.py SOCKET METHOD [JSON]   one call of the Container Runtime Interface (runtime.v1), as kubelet makes it

The answer goes to standard output as JSON; an error is gRPC's message on standard error and the status 1. Neither Debian 12
nor sid has a client of this interface: curl carries the messages (HTTP/2 over the socket), the encoding is made here.
The numbers of the fields are those of k8s.io/cri-api/pkg/apis/runtime/v1/api.proto; only what the tests use is listed.
"""
import json, re, struct, subprocess, sys, tempfile

# MESSAGE: name=number:type; type is n (number), s (text), m (map of texts) or a message, * behind it: repeated
MESSAGES = {
    "Empty": "",
    "VersionResponse": "runtime_name=2:s runtime_api_version=4:s",
    "StatusResponse": "status=1:RuntimeStatus",
    "RuntimeStatus": "conditions=1:RuntimeCondition*",
    "RuntimeCondition": "type=1:s status=2:n reason=3:s message=4:s",
    "RunPodSandboxRequest": "config=1:PodSandboxConfig runtime_handler=2:s",
    "PodSandboxConfig": "metadata=1:PodSandboxMetadata hostname=2:s log_directory=3:s labels=6:m annotations=7:m linux=8:LinuxPodSandboxConfig",
    "PodSandboxMetadata": "name=1:s uid=2:s namespace=3:s attempt=4:n",
    "LinuxPodSandboxConfig": "cgroup_parent=1:s security_context=2:LinuxSandboxSecurityContext sysctls=3:m",
    "LinuxSandboxSecurityContext": "namespace_options=1:NamespaceOption",
    "NamespaceOption": "network=1:n pid=2:n ipc=3:n target_id=4:s",
    "PodSandboxId": "pod_sandbox_id=1:s",
    "PodSandboxStatusResponse": "status=1:PodSandboxStatus",
    "PodSandboxStatus": "id=1:s state=3:n network=5:PodSandboxNetworkStatus runtime_handler=9:s",
    "PodSandboxNetworkStatus": "ip=1:s",
    "ListPodSandboxResponse": "items=1:PodSandboxStatus*",
    "CreateContainerRequest": "pod_sandbox_id=1:s config=2:ContainerConfig sandbox_config=3:PodSandboxConfig",
    "ContainerConfig": "metadata=1:ContainerMetadata image=2:ImageSpec command=3:s* args=4:s* working_dir=5:s envs=6:KeyValue* "
                       "mounts=7:Mount* log_path=11:s stdin=12:n tty=14:n linux=15:LinuxContainerConfig",
    "ContainerMetadata": "name=1:s attempt=2:n",
    "ImageSpec": "image=1:s",
    "KeyValue": "key=1:s value=2:s",
    "Mount": "container_path=1:s host_path=2:s readonly=3:n propagation=5:n",
    "LinuxContainerConfig": "resources=1:LinuxContainerResources security_context=2:LinuxContainerSecurityContext",
    "LinuxContainerResources": "cpu_period=1:n cpu_quota=2:n cpu_shares=3:n memory_limit_in_bytes=4:n oom_score_adj=5:n cpuset_cpus=6:s",
    "LinuxContainerSecurityContext": "capabilities=1:Capability privileged=2:n namespace_options=3:NamespaceOption run_as_user=5:Int64Value "
                                     "run_as_group=12:Int64Value readonly_rootfs=7:n supplemental_groups=8:n* no_new_privs=11:n masked_paths=13:s* readonly_paths=14:s* "
                                     "seccomp=15:SecurityProfile apparmor=16:SecurityProfile",
    "Capability": "add_capabilities=1:s* drop_capabilities=2:s*",
    "SecurityProfile": "profile_type=1:n localhost_ref=2:s",
    "Int64Value": "value=1:n",
    "ContainerId": "container_id=1:s",
    "ContainerStatusResponse": "status=1:ContainerStatus",
    "ContainerStatus": "id=1:s state=3:n started_at=5:n finished_at=6:n exit_code=7:n reason=10:s message=11:s",
    "ListContainersResponse": "containers=1:Container*",
    "Container": "id=1:s pod_sandbox_id=2:s state=6:n",
    "ExecSyncRequest": "container_id=1:s cmd=2:s* timeout=3:n",
    "ExecSyncResponse": "stdout=1:s stderr=2:s exit_code=3:n",
    "UpdateContainerResourcesRequest": "container_id=1:s linux=2:LinuxContainerResources",
    "StopContainerRequest": "container_id=1:s timeout=2:n",
    "ContainerStatsResponse": "stats=1:ContainerStats",
    "ContainerStats": "cpu=2:CpuUsage memory=3:MemoryUsage",
    "CpuUsage": "timestamp=1:n usage_core_nano_seconds=2:UInt64Value",
    "MemoryUsage": "timestamp=1:n working_set_bytes=2:UInt64Value",
    "UInt64Value": "value=1:n",
}
METHODS = {
    "Version": ("Empty", "VersionResponse"), "Status": ("Empty", "StatusResponse"),
    "RunPodSandbox": ("RunPodSandboxRequest", "PodSandboxId"), "StopPodSandbox": ("PodSandboxId", "Empty"),
    "RemovePodSandbox": ("PodSandboxId", "Empty"), "PodSandboxStatus": ("PodSandboxId", "PodSandboxStatusResponse"),
    "ListPodSandbox": ("Empty", "ListPodSandboxResponse"), "CreateContainer": ("CreateContainerRequest", "ContainerId"),
    "StartContainer": ("ContainerId", "Empty"), "StopContainer": ("StopContainerRequest", "Empty"),
    "RemoveContainer": ("ContainerId", "Empty"), "ListContainers": ("Empty", "ListContainersResponse"),
    "ContainerStatus": ("ContainerId", "ContainerStatusResponse"), "ExecSync": ("ExecSyncRequest", "ExecSyncResponse"),
    "UpdateContainerResources": ("UpdateContainerResourcesRequest", "Empty"), "ContainerStats": ("ContainerId", "ContainerStatsResponse"),
    "ReopenContainerLog": ("ContainerId", "Empty"),
}


def fields(message):
    for field in MESSAGES[message].split():
        name, number, kind = re.fullmatch(r"(\w+)=(\d+):(.*)", field).groups()
        yield name, int(number), kind.rstrip("*"), kind.endswith("*")


def number(value):
    out = b""
    value &= (1 << 64) - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def block(field, data):
    return number(field << 3 | 2) + number(len(data)) + data


def encode(message, values):
    out = b""
    known = {name: rest for name, *rest in fields(message)}
    for name, value in values.items():
        field, kind, repeated = known[name]
        if kind == "m":
            out += b"".join(block(field, block(1, k.encode()) + block(2, v.encode())) for k, v in value.items())
            continue
        for one in value if repeated else [value]:
            if kind == "n":
                out += number(field << 3) + number(int(one))
            else:
                out += block(field, one.encode() if kind == "s" else encode(kind, one))
    return out


def take_number(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def decode(message, data):
    values = {name: [] if repeated else 0 if kind == "n" else "" if kind == "s" else {} for name, _, kind, repeated in fields(message)}
    known = {field: (name, kind, repeated) for name, field, kind, repeated in fields(message)}
    at = 0
    while at < len(data):
        key, at = take_number(data, at)
        value, at = take_number(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        if key >> 3 not in known:
            continue
        name, kind, repeated = known[key >> 3]
        if kind == "s":
            value = value.decode(errors="replace")
        elif kind == "n":
            value -= (value >> 63) << 64
        else:
            value = decode(kind, value)
        if repeated:
            values[name].append(value)
        else:
            values[name] = value
    return values


def call(socket, method, values):
    request, response = METHODS[method]
    body = encode(request, values)
    with tempfile.NamedTemporaryFile() as head:
        got = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "--unix-socket", socket, "-m", "60", "-D", head.name,
                              "-H", "content-type: application/grpc", "-H", "te: trailers", "-H", "expect:", "--data-binary", "@-",
                              f"http://localhost/runtime.v1.RuntimeService/{method}"],
                             input=b"\0" + struct.pack(">I", len(body)) + body, stdout=subprocess.PIPE)
        trailer = dict(re.findall(r"(?im)^(grpc-status|grpc-message): *(.*?)\r?$", open(head.name).read()))
    if got.returncode or trailer.get("grpc-status") != "0":
        sys.exit(f"{method}: {trailer.get('grpc-message', trailer)}")
    return decode(response, got.stdout[5:])


print(json.dumps(call(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})))
