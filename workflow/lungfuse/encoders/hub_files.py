"""Files of a repository of the Hugging Face hub: from its cache on this machine, or downloaded into it.

Weights are read from safetensors alone.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers.implementations import BertWordPieceTokenizer
from torch import Tensor

from lungfuse.encoders import CONFIG, TOKENIZER, WEIGHTS, Hub
from lungfuse.encoders.hub import preprocessing, tower
from lungfuse.encoders.network import load_weights
from lungfuse.errors import UserError

PREPROCESSORS = ["preprocessor_config.json", "processor_config.json"]
SHARDS = f"{WEIGHTS}.index.json"
PICKLED = ["pytorch_model.bin", "pytorch_model.bin.index.json"]
VOCABULARY, OF_TOKENIZER = "vocab.txt", "tokenizer_config.json"  # of tokenizers older than tokenizer.json


def configuration(source: Hub) -> dict[str, Any]:
    """The content of the configuration file of what is read of a repository.

    Raises:
        UserError: it cannot be had.
    """
    return tower(source, _json(needed(source, CONFIG)))


def image_settings(source: Hub) -> dict[str, Any]:
    """How a repository wants images, see `preprocessing`.

    Raises:
        UserError: it cannot be had.
    """
    return preprocessing(source, _json(needed(source, *PREPROCESSORS)))


def weights(source: Hub) -> dict[str, Tensor]:
    """The weights of a repository by name, of one file or of several.

    Raises:
        UserError: they cannot be had, or are there as a pickle alone.
    """
    path = file_of(source, WEIGHTS) or file_of(source, SHARDS)
    if path is None:
        pickled = next((name for name in PICKLED if _is_there(source, name)), None)
        raise _without_weights(source, pickled) if pickled else _lacks(source, WEIGHTS)
    if path.name != SHARDS:
        return load_weights(path)
    found: dict[str, Tensor] = {}
    for shard in sorted(set(_json(path)["weight_map"].values())):
        found |= load_weights(needed(source, shard))
    return found


def tokenizer(source: Hub) -> bytes:
    """The tokenizer of a repository as a file; made from its list of words where it has no other.

    Raises:
        UserError: it has neither.
    """
    path = file_of(source, TOKENIZER)
    if path is not None:
        return path.read_bytes()
    words = file_of(source, VOCABULARY)
    if words is None:
        raise _lacks(source, TOKENIZER)
    settings = file_of(source, OF_TOKENIZER)
    lowercase = _json(settings).get("do_lower_case", True) if settings else True
    return BertWordPieceTokenizer(str(words), lowercase=lowercase).to_str().encode()


def needed(source: Hub, *names: str) -> Path:
    """The first of some files that a repository has.

    Raises:
        UserError: it has none, or it cannot be had.
    """
    for name in names:
        if (path := file_of(source, name)) is not None:
            return path
    raise _lacks(source, " or ".join(names))


def file_of(source: Hub, name: str) -> Path | None:
    """A file of a repository, None where it has no such file.

    Raises:
        UserError: the repository cannot be had.
    """
    from huggingface_hub import hf_hub_download

    return _asked(source, name, lambda: Path(hf_hub_download(source.repository, name, revision=source.revision)))


def _is_there(source: Hub, name: str) -> bool:
    """Whether a repository has a file, which is not downloaded."""
    from huggingface_hub import file_exists, is_offline_mode, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(source.repository, name, revision=source.revision), str):
        return True
    offline = is_offline_mode()
    return not offline and bool(
        _asked(source, name, lambda: file_exists(source.repository, name, revision=source.revision))
    )


def _asked(source: Hub, name: str, ask: Callable[[], Any]) -> Any:
    """What the hub's client answers, None where there is no such file."""
    from huggingface_hub import errors, try_to_load_from_cache

    what = f"{source.repository}: {name} at revision {source.revision}"
    try:
        return ask()
    except errors.LocalEntryNotFoundError as error:
        if isinstance(try_to_load_from_cache(source.repository, CONFIG, revision=source.revision), str):
            return None  # the repository is here without it, and there is no way to fetch more
        raise _unreachable(what, error) from error
    except errors.EntryNotFoundError:
        return None
    except errors.GatedRepoError as error:
        raise UserError(
            f"{what}: its owners ask for an agreement. Accept it on https://huggingface.co/{source.repository}, log in "
            "with `hf auth login`, and run again; or choose another encoder in params.yaml."
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise UserError(
            f"{what}: the hub has no such repository or revision. Correct its name in params.yaml, "
            "hub:<repository>@<revision>."
        ) from error
    except Exception as error:  # the hub's client raises many kinds
        raise _unreachable(what, error) from error


def _unreachable(what: str, error: Exception) -> UserError:
    return UserError(
        f"{what} cannot be had from the hub ({error}). Run again with a connection, copy the repository into the cache "
        "of the hub (HF_HOME), or choose another encoder in params.yaml."
    )


def _lacks(source: Hub, name: str) -> UserError:
    return UserError(
        f"{source.repository}: has no {name} at revision {source.revision}, or its copy on this machine has none. Run "
        "again with a connection, or choose another encoder in params.yaml."
    )


def _without_weights(source: Hub, pickled: str) -> UserError:
    return UserError(
        f"{source.repository}: has its weights at revision {source.revision} as {pickled} alone, a pickle, which is "
        f"not read because it may run code; expected {WEIGHTS}. Name a revision that has it in params.yaml (the hub "
        "often proposes one under Community, as a pull request with a commit of its own), or choose another encoder."
    )


def _json(path: Path) -> dict[str, Any]:
    """The content of a file.

    Raises:
        UserError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({error}). Delete it from the cache of the hub and run again.") from error
