"""The keys of a config: type, default, limits and meaning. The JSON schema and reference page are generated from it."""

import re
from collections import Counter
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

T = TypeVar("T")


def _number(value: object) -> object:
    """Convert text to a number, because Snakemake's `--config` passes values inside lists and mappings as text."""
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?[0-9]{1,20}", value):
        return int(value)
    return float(value) if re.fullmatch(r"[0-9]{0,20}\.[0-9]{1,20}", value) else value


def _boolean(value: object) -> object:
    """Convert text to true or false."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _distinct(values: list[T]) -> list[T]:
    for value, count in Counter(values).items():
        if count > 1:
            raise PydanticCustomError(
                "repeated", "{value} is listed {count} times; list it once", {"value": value, "count": count}
            )
    return values


def _entry(key: str) -> Any:
    """A validator that turns a name into an entry."""
    return lambda value: {key: value} if isinstance(value, str) else value


def _follows(default: str, description: str) -> Any:
    """An optional field whose default depends on other keys; the text describes it."""
    return Field(default=None, description=description, json_schema_extra={"x-default": default})


FromText = BeforeValidator(_number)
Text = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]  # in paths
Bits = Annotated[int, Field(ge=1, le=256), FromText]
Side = Annotated[int, Field(ge=1, le=4096), FromText]  # pixels
Seed = Annotated[int, Field(ge=0), FromText]
MethodSeed = Annotated[int, Field(ge=0, le=2**32 - 1), FromText]  # the largest seed that numpy accepts
ThreadCount = Annotated[int, Field(ge=1, le=1024), FromText]
Shards = Annotated[int, Field(ge=1, le=10_000), FromText]
Amount = Annotated[float, Field(gt=0), FromText, AfterValidator(lambda x: int(x) if x.is_integer() else x)]
Boolean = Annotated[bool, BeforeValidator(_boolean)]
Distinct = AfterValidator(_distinct)


class Section(BaseModel):
    """A mapping of a config; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Protocol(Section):
    """A protocol of your own."""

    name: Label = Field(description="Its name in tables and paths.")
    query: Amount = Field(description="Number of query images; below 1, their share of all images.")
    train: Amount = Field(description="Number of training images; below 1, their share of all images.")
    per_class: Boolean = Field(default=False, description="Whether both numbers are per class.")
    train_in_database: Boolean = Field(
        default=True, description="Whether the database includes the training images, as in most published protocols."
    )


class Dataset(Section):
    """A dataset, with the protocol that splits it."""

    name: Label = Field(
        description="Name of the dataset in tables and paths: a registered one, or your own if `reader` is given."
    )
    reader: Text | None = _follows(
        "`name`", "Registered dataset that reads the images, such as `image_list` for a folder of images."
    )
    params: dict[str, Any] = Field(
        default={}, description="Parameters of the reader; `l2h datasets <reader>` lists them."
    )
    protocol: (
        Annotated[
            Annotated[Text, Tag("a name")] | Annotated[Protocol, Tag("a mapping")],
            Discriminator(lambda value: "a mapping" if isinstance(value, dict | Protocol) else "a name"),
        ]
        | None
    ) = _follows(
        "the dataset's first protocol",
        "Name of the protocol that splits the images into query, train and database, or a protocol of your own if the "
        "images have no lists of roles.",
    )
    split_seed: Seed = Field(default=0, description="Seed of the split; the protocol id names it unless it is 0.")
    allow_lone_queries: Boolean = Field(
        default=False,
        description="Whether to accept queries that share no label with the database, or only with training images; "
        "they score 0.",
    )
    look: Annotated[list[Seed], Distinct] = Field(
        default=[],
        description="Ids of further queries to show in the report; the split under `resources/<name>/splits/` "
        "lists the queries.",
        json_schema_extra={"uniqueItems": True},
    )
    shards: Shards | None = _follows("`ranking.shards`", "Number of shards of this dataset's database.")


class Backbone(Section):
    """A network that turns images into features."""

    name: Text = Field(description="Registered name of the network, or `timm:<name>` for a model of timm.")
    label: Label | None = _follows("`<name>-<layer>`", "Name in tables and paths.")
    layer: Text | None = _follows("the network's first layer", "Name of the layer whose activations are the features.")
    weights: Text | None = _follows(
        "the network's published weights",
        "Name of published weights, `untrained` for random ones, or the path of a safetensors file that holds at "
        "least the tensors that the layer needs.",
    )
    weights_seed: Seed = Field(default=0, description="Seed of untrained weights.")
    input_size: Side | None = _follows(
        "that of the published weights", "Side, in pixels, of the square that every image is scaled to."
    )
    precision: Literal["fp32", "bf16"] = Field(
        default="fp32",
        description="Arithmetic of the network, also in training at scope full; `bf16` is faster on CPUs and GPUs that "
        "support it, and changes the features a little.",
    )
    dtype: Literal["float32", "float16"] = Field(
        default="float32",
        description="Stored type of the features; `float16` halves the file, and a run stops at an image whose "
        "features overflow (above 65,504) or all become 0 (below 3e-8).",
    )


class Method(Section):
    """A variant of a method."""

    method: Text = Field(description="Registered name of the method.")
    label: Label | None = _follows("`method`", "Name of the variant in tables and paths.")
    scope: Text | None = _follows(
        "the method's first scope",
        "What a deep method trains: a head on the features (`linear`, `mlp`, or `auto` for the better of both), or the "
        "backbone too (`full`); other methods have no scope.",
    )
    params: dict[str, Any] = Field(
        default={},
        description="Parameters of the method; `l2h methods <method>` lists them, and scope full adds `backbone_lr`, "
        "`patience` and `crop`.",
    )


class Threads(Section):
    """Numeric threads of a job, which `--cores` does not change."""

    features: ThreadCount = Field(
        default=4,
        description="Threads of feature extraction, and of training and encoding at scope full; another number changes "
        "the last bits of the features, so they are recomputed.",
    )
    fit: ThreadCount = Field(
        default=1,
        description="Threads of one training, and of ranking by scores; another number changes the last bits of a "
        "result.",
    )
    rank: ThreadCount = Field(
        default=1,
        description="Threads of counting a rank histogram; results do not depend on them, and more than one is faster "
        "from about 10^9 pairs of query and database item.",
    )


class Ranking(Section):
    """How a database is searched; results do not depend on it."""

    shards: Shards = Field(
        default=1,
        description="Number of shards of the database; one job ranks each shard and holds only its codes, and one "
        "more job adds up the counts.",
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        default="cpu", description="Device that counts pairs; auto uses a GPU if there is one."
    )


class Config(Section):
    """What one run compares: a run of `config/<name>.yaml` writes its results to `results/<name>/`."""

    datasets: list[Annotated[Dataset, BeforeValidator(_entry("name"), json_schema_input_type=Text | Dataset)]] = Field(
        min_length=1, description="Datasets to compare on, each a name or a mapping."
    )
    backbones: list[Annotated[Backbone, BeforeValidator(_entry("name"), json_schema_input_type=Text | Backbone)]] = (
        Field(
            default=[],
            description="Networks that turn images into features, each a name or a mapping; datasets with "
            "images need one.",
        )
    )
    methods: list[Annotated[Method, BeforeValidator(_entry("method"), json_schema_input_type=Text | Method)]] = Field(
        min_length=1, description="Variants of methods to compare, each a method's name or a mapping."
    )
    bits: Annotated[list[Bits], Distinct] = Field(
        default=[8, 16, 32, 64], min_length=1, description="Code lengths.", json_schema_extra={"uniqueItems": True}
    )
    seeds: Annotated[list[MethodSeed], Distinct] = Field(
        default=[0],
        min_length=1,
        description="Seeds of the methods, one training each; the table gives mean and standard deviation over them.",
        json_schema_extra={"uniqueItems": True},
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Device of torch; auto uses a GPU if there is one."
    )
    threads: Threads = Field(default=Threads(), description="Numeric threads of a job.")
    ranking: Ranking = Field(default=Ranking(), description="How a database is searched.")
    pretrained: Annotated[
        list[Text],
        BeforeValidator(
            lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=Text | list[Text]
        ),
    ] = Field(
        default=[],
        description="Bundles from `snakemake release`, one for each dataset: the run takes splits, features and models "
        "from them and trains nothing.",
    )
    dataset_mirror: Text | None = _follows(
        "the environment variable `L2H_DATASET_MIRROR`",
        "Folder with copies of the files to download, plain or gzipped, in torchvision's layout or flat.",
    )
    plugins: list[Text] = Field(
        default=[],
        description="Your own Python files that register methods, datasets, backbones, metrics or charts.",
    )
