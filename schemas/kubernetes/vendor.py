#!/usr/bin/env python3
"""Writes kinds.txt and shapes.txt: every built-in kind of Kubernetes, without its prose, once for all versions.
Writes tests/schemas too: the schemas of the common kinds as they were published, but without their prose.

    vendor.py SCHEMAS GO_NAMES     SCHEMAS: kubernetes-json-schema of the Python package kubernetes-validate
                                   GO_NAMES: what go-names/main.go prints

The format is described in README.md.
"""

import json
import pathlib
import re
import sys

VERSIONS = range(29, 38)
HERE = pathlib.Path(__file__).parent
PREFIXES = {
    "io.k8s.api.": "",
    "io.k8s.apimachinery.pkg.apis.meta.": "meta.",
    "io.k8s.apiextensions-apiserver.pkg.apis.": "",
    "io.k8s.kube-aggregator.pkg.apis.": "",
}
# Definitions that are values, not structs.
VALUES = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "u",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "a",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "r",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "a",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "a",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "a",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "a",
}
SCALARS = {
    ("string", None): "s",
    ("string", "byte"): "y",
    ("string", "date-time"): "t",
    ("boolean", None): "b",
    ("integer", "int32"): "i",
    ("integer", "int64"): "l",
    ("integer", None): "l",
    ("number", "double"): "f",
    ("number", None): "f",
}
GO = {"s": "string", "y": "[]uint8", "b": "bool", "i": "int32", "l": "int64", "f": "float64", "q": "resource.Quantity",
      "x": "intstr.IntOrString", "t": "v1.Time", "u": "v1.MicroTime", "r": "runtime.RawExtension"}
# Kinds that no client creates: parts of other kinds' addresses.
NO_OBJECTS = {"Eviction", "DeleteOptions", "WatchEvent", "Status", "Scale", "Binding"}
# Scopes of the kinds that the Go types of 1.36 do not have.
CLUSTER = {"ClusterTrustBundle", "StorageVersion", "StorageVersionMigration", "FlowSchema", "PriorityLevelConfiguration",
           "ServiceCIDR", "IPAddress", "DeviceClass", "ResourceSlice", "VolumeAttributesClass", "ClusterCIDR", "SelfSubjectReview",
           "DeviceTaintRule", "ResourcePoolStatusRequest", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
           "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


COMMON = ["io.k8s.api." + name for name in [
    "apps.v1.Deployment", "apps.v1.StatefulSet", "autoscaling.v2.HorizontalPodAutoscaler", "core.v1.ConfigMap", "core.v1.Namespace",
    "core.v1.PersistentVolume", "core.v1.PersistentVolumeClaim", "core.v1.Secret", "core.v1.Service", "core.v1.ServiceAccount",
    "networking.v1.NetworkPolicy", "policy.v1.PodDisruptionBudget", "storage.v1.StorageClass"]]


def short(name):
    for prefix, instead in PREFIXES.items():
        if name.startswith(prefix):
            return instead + name[len(prefix):]
    return name


def one_type(schema):
    kind = schema.get("type")
    if isinstance(kind, list):
        rest = [each for each in kind if each != "null"]
        assert len(rest) == 1, schema
        return rest[0]
    return kind


def code(schema, used):
    """The type of a field, as shapes.txt writes it."""
    if "$ref" in schema:
        name = schema["$ref"].split("#/$defs/")[1]
        if name in VALUES:
            return VALUES[name]
        used.append(name)
        return short(name)
    kind = one_type(schema)
    if kind == "array":
        return "[]" + code(schema["items"], used)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return "{}" + code(inner, used) if isinstance(inner, dict) else "a"
    if kind is None:
        return "a"
    return SCALARS[kind, schema.get("format")]


def go(written):
    """The Go type that a reader of shapes.txt derives."""
    if written.startswith("[]"):
        return "[]" + go(written[2:])
    if written.startswith("{}"):
        return "map[string]" + go(written[2:])
    return GO.get(written) or ".".join(written.split(".")[-2:])


def line(name, schema, names, used):
    fields = ["atomic"] if schema.get("x-kubernetes-map-type") == "atomic" else []
    required = set(schema.get("required", []))
    for field, inner in sorted(schema.get("properties", {}).items()):
        written = code(inner, used)
        usual = "null" if re.match(r"\w+\.", written) else "empty"
        embedded, gotype, omitted = names.get((name, field), ("-", "", usual))
        attributes = []
        if gotype and gotype != go(written) and written not in ("a", "r"):
            attributes.append("go:" + gotype.replace("map[string]string", "{}").replace(" ", ""))
        if embedded != "-":
            attributes.append("in:" + embedded)
        if "x-kubernetes-patch-merge-key" in inner:
            attributes.append("merge:" + inner["x-kubernetes-patch-merge-key"])
        if "x-kubernetes-patch-strategy" in inner:
            attributes.append("patch:" + inner["x-kubernetes-patch-strategy"].replace(",", "+"))
        if "x-kubernetes-list-type" in inner:
            attributes.append("list:" + inner["x-kubernetes-list-type"])
        if "x-kubernetes-list-map-keys" in inner:
            attributes.append("keys:" + "+".join(inner["x-kubernetes-list-map-keys"]))
        if "x-kubernetes-map-type" in inner:
            attributes.append("map:" + inner["x-kubernetes-map-type"])
        if omitted != usual:
            attributes.append("omit:" + omitted)
        if "enum" in inner and field not in ("apiVersion", "kind"):
            attributes.append("enum:" + "+".join(inner["enum"]))
        mark = "!" if field in required else ""
        fields.append(",".join([f"{field}{mark}={written}", *attributes]))
    return " ".join(fields)


def without_prose(schema, keep=False):
    if isinstance(schema, dict):
        return {key: without_prose(inner, key in ("properties", "$defs")) for key, inner in schema.items()
                if keep or not (key == "description" or key.startswith("x-kubernetes-"))}
    if isinstance(schema, list):
        return [without_prose(inner) for inner in schema]
    return schema


def second_opinion(schemas, version):
    """The published strict schemas of the common kinds, for the test that compares them with the shapes."""
    definitions = json.loads((schemas / f"v1.{version}.0-local-strict/_definitions.json").read_text())["$defs"]
    left, kept = list(COMMON), {}
    while left:
        name = left.pop()
        if name not in kept:
            kept[name] = without_prose(definitions[name])
            left += re.findall(r'"#/\$defs/([^"]+)"', json.dumps(kept[name]))
    folder = HERE.parent.parent / "tests/schemas"
    folder.mkdir(exist_ok=True)
    with (folder / f"1.{version}.json").open("w") as out:
        lines = (f"{json.dumps(name)}: {json.dumps(kept[name], separators=(',', ':'))}" for name in sorted(kept))
        out.write('{"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": {\n' + ",\n".join(lines) + "\n}}\n")


def main():
    schemas, go_names = map(pathlib.Path, sys.argv[1:])
    names, scopes = {}, {}
    for entry in go_names.read_text().splitlines():
        what, *rest = entry.split("\t")
        if what == "field":
            names[rest[0], rest[1]] = (rest[2], rest[3], rest[4])
        else:
            scopes[rest[0], rest[1]] = rest[2]
    shapes, kinds = {}, {}
    for version in VERSIONS:
        bit = 1 << (version - VERSIONS[0])
        definitions = json.loads((schemas / f"v1.{version}.0-local/_definitions.json").read_text())["$defs"]
        left = []
        for name, schema in definitions.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                kind = gvk["kind"]
                if kind in NO_OBJECTS or "metadata" not in schema.get("properties", {}):
                    continue
                if re.search("ListMeta$", schema["properties"]["metadata"].get("$ref", "")):
                    continue
                api = "/".join(filter(None, [gvk["group"], gvk["version"]]))
                scope = scopes.get((api, kind)) or ("cluster" if kind in CLUSTER else "namespaced")
                key = (kind, api, scope, short(name))
                kinds[key] = kinds.get(key, 0) | bit
                left.append(name)
        done = set()
        while left:
            name = left.pop()
            if name in done:
                continue
            done.add(name)
            key = (short(name), line(name, definitions[name], names, left))
            shapes[key] = shapes.get(key, 0) | bit
    for version in (30, 36):
        second_opinion(schemas, version)
    with (HERE / "kinds.txt").open("w") as out:
        for (kind, api, scope, name), bits in sorted(kinds.items()):
            out.write(f"{kind} {api} {bits:03x} {scope} {name}\n")
    with (HERE / "shapes.txt").open("w") as out:
        for (name, fields), bits in sorted(shapes.items(), key=lambda each: (each[0][0], each[1])):
            out.write(f"{name} {bits:03x} {fields}".rstrip() + "\n")


main()
