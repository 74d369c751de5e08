"""Kubernetes objects held against the schema of their kind, the published CRDs included."""

import jsonschema
import kubernetes_validate

from tests.definitions import definition

VERSION = "1.34"


def unknown_fields(value, schema, at=""):
    """Fields that a schema does not name: a cluster drops them without a word."""
    if isinstance(value, list):
        return [each for item in value for each in unknown_fields(item, schema.get("items", {}), at)]
    if not isinstance(value, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return []
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    found = []
    for name, item in value.items():
        if name not in known and not others:
            found.append(f"{at}.{name} is not known")
        found += unknown_fields(item, known.get(name, others if isinstance(others, dict) else {}), f"{at}.{name}")
    return found


def invalid(each, crds):
    """What is wrong with one object; a kind without a schema is wrong. `crds` maps kinds to published files."""
    if each["kind"] not in crds:
        try:
            kubernetes_validate.validate(each, VERSION, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            return [str(error)]
        return []
    crd = definition(crds[each["kind"]])
    group, _, name = each["apiVersion"].partition("/")
    versions = [version for version in crd["spec"]["versions"] if version["name"] == name]
    if group != crd["spec"]["group"] or not versions:
        return [f"{each['kind']} is not of {each['apiVersion']}"]
    schema = versions[0]["schema"]["openAPIV3Schema"]
    errors = jsonschema.Draft202012Validator(schema).iter_errors(each)
    return [error.message for error in errors] + unknown_fields(each["spec"], schema["properties"]["spec"], "spec")
