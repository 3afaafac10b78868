"""The jobs of encoders, features and models."""

from functools import cached_property
from pathlib import Path

from lungfuse.datasets import dataset_module, image_files, load_dataset, report_files
from lungfuse.encoders import encoder_modules, encoder_names
from lungfuse.errors import UserError
from lungfuse.files import raw_files, slug
from lungfuse.modalities import encoded, inputs_module, modality_names
from lungfuse.models import model_spec, module_of
from lungfuse.plan.features import FeatureSet, feature_sets, reads_features
from lungfuse.plan.job import Files, Job, flat
from lungfuse.plan.names import ENCODER_ROOT, FOLD_PREDICTIONS, RAW, TRAINED_SETTINGS
from lungfuse.plan.reads import files_read, fit_files, modules_of, role_files, settings_found
from lungfuse.plan.resolve import (
    PRETRAINED,
    all_runs,
    fusion_read,
    models_of,
    pretrain_of,
    pretraining_of,
    runs_of,
    seeds_of,
    taught_from,
)
from lungfuse.plan.runs import inner_runs
from lungfuse.plan.search_space import searched_config, variants_of
from lungfuse.plan.segmentation import SegmentationPlan
from lungfuse.settings.model import ModelConfig
from lungfuse.settings.training import LabelledImages, TrainSettings
from lungfuse.tasks import task_module
from lungfuse.tuning import tuning


def _files_of(images: LabelledImages, raw: Path) -> list[str]:
    """The raw files of a collection."""
    dataset = load_dataset(images.dataset, images.table)
    return list(dict.fromkeys([*report_files(dataset, raw, with_values=True), *image_files(dataset, raw)]))


class TrainingPlan(SegmentationPlan):
    """The jobs of the models of a study, and of what they read."""

    @cached_property
    def configs(self) -> dict[str, ModelConfig]:
        """The models of the study with all their settings."""
        return {name: searched_config(self.name, self.study, name) for name in self.study.models}

    @cached_property
    def trainable(self) -> list[ModelConfig]:
        """The models as they may be trained: those that are searched for with each choice that decides what is read."""
        return [each for config in self.configs.values() for each in variants_of(config)]

    def of_stage(self, stage: str) -> list[str]:
        """The names of the models that a stage makes."""
        return models_of(self.study, stage)

    def runs(self, model: str) -> list[str]:
        """The trainings of a model, see `runs_of`."""
        return runs_of(self.study, self.study.models[model])

    @cached_property
    def _taught_from(self) -> set[str]:
        return taught_from(self.study)

    def trainings(self, model: str) -> list[str]:
        """The trainings of a network, and the inner ones of each, where another model learns from its scores."""
        runs = self.runs(model)
        return [*runs, *(inner for run in runs for inner in inner_runs(run) if model in self._taught_from)]

    @property
    def split_files(self) -> Files:
        return dict(self.layout.split)

    @cached_property
    def fitted(self) -> dict[int, list[str]]:
        """The names of the estimators by how often they are fitted: their files are as many."""
        found: dict[int, list[str]] = {}
        for name in self.of_stage("fit"):
            found.setdefault(seeds_of(self.study, self.study.models[name]), []).append(name)
        return found

    @cached_property
    def feature_sets(self) -> dict[tuple[str, str], FeatureSet]:
        """All features that models read, by the names of their folders."""
        found = {}
        for config in self.trainable:
            if config.encoders and reads_features(config):
                read = [modality for modality in config.encoders if modality in config.read_in_training]
                runs = self.trainings(config.name) if config.train else [""]
                for each in (made for name in read for run in runs for made in feature_sets(config, name, run)):
                    found[each.place, each.reads] = each
        return found

    @property
    def encoders(self) -> dict[str, str]:
        """The encoders that models read with, by name, with their modality."""
        found = [each for config in self.trainable for each in config.encoders.items()]
        return {name: modality for modality, name in found}

    def encoders_of(self, modality: str) -> dict[str, str]:
        """The encoders of a modality that models read with, or that are there, by the names of their folders."""
        read = [config.encoders[modality] for config in self.trainable if modality in config.encoders]
        return {slug(name): name for name in [*encoder_names(modality), *read]}

    def _encoder(self, name: str) -> tuple[str, str]:
        """The modality and the name of an encoder, by its name or that of its folder."""
        for modality in encoded(modality_names()):
            if found := self.encoders_of(modality).get(slug(name)):
                return modality, found
        raise UserError(f"encoder: found {name!r}, which no model of {self.name} reads with. Name it in params.yaml.")

    @cached_property
    def pretrainings(self) -> dict[str, tuple[str, str]]:
        """The image encoders that are trained on other patients first, with the kind of start that it is, by the names
        of these pre-trainings."""
        found = {}
        for config in self.trainable:
            encoder, source = (where.get("image", "") for where in [config.encoders, config.sources])
            for start, behind in PRETRAINED.items():
                if encoder and source == f"{encoder}{behind}":
                    found[pretraining_of(encoder, source)] = encoder, start
        return dict(sorted(found.items()))

    @property
    def all_runs(self) -> list[str]:
        """The trainings of the models that are trained most often."""
        return all_runs(self.study)

    @property
    def pretraining(self) -> TrainSettings:
        """The training settings of the pre-training."""
        return pretrain_of(self.study)

    def devices(self, model: str) -> int:
        """How many GPUs share a training of a model."""
        return self.configs[model].train.devices

    def model(self, model: str) -> Job:
        """The file with all settings of a model."""
        return Job("model", outputs={"file": self.layout.model(model)}, settings={"config": self.configs[model]})

    def encoder(self, encoder: str) -> Job:
        modality, name = self._encoder(encoder)
        outputs = self.layout.encoder(name, modality)
        return Job("encoder", outputs=outputs, settings={"name": name}, parts=encoder_modules(name))

    def pretraining_images(self) -> Job:
        sets, layout = self.study.pretraining.sets, self.layout
        files = [raw_files(RAW / name, _files_of(each, RAW / name)) for name, each in sets.items()]
        return Job(
            "pretraining-images",
            {"pairs": layout.split["pairs"]} | layout.image_array,
            layout.pretraining_images,
            {"sets": sets, "images": self.study.images},
            {"raw_root": RAW},
            tuple(dict.fromkeys(dataset_module(each.dataset) for each in sets.values())),
            {"files": flat(files)},
        )

    def pretrain(self, pretraining: str) -> Job:
        """The job of a pre-training.

        Raises:
            UserError: no model of the study starts from it.
        """
        if pretraining not in self.pretrainings:
            raise UserError(
                f"pretraining: found {pretraining!r}, from which no model of {self.name} starts; expected one of "
                f"{', '.join(self.pretrainings) or 'none'}."
            )
        encoder, start = self.pretrainings[pretraining]
        study, layout, train = self.study, self.layout, self.pretraining
        inputs: Files = {name: layout.reports[name] for name in ["reports", "views"]}
        others = layout.pretraining_images if study.pretraining.sets else {}
        inputs |= {name: others.get(name, []) for name in ["other_images", "other_cases"]}
        settings = {"encoder": encoder, "train": train, "seed": study.seed}
        settings |= {"fusion": fusion_read(study, "image", ["image"]), "min_reports": study.pretraining.min_reports}
        settings |= {"label_rules": [rule for rule in study.filter.labels if rule.heading]}
        settings |= {"leave_out_labels": start == "pretrained-without-labels"}
        parts = [module_of("image"), inputs_module("image"), task_module("multilabel"), *encoder_modules(encoder)]
        return Job(
            "pretrain",
            inputs | {"pairs": layout.split["pairs"]} | layout.image_array,
            layout.pretrained(pretraining),
            settings,
            {"encoder_root": ENCODER_ROOT},
            (*parts, tuning(train.layers).module),
            {"encoder_files": list(layout.encoder(encoder, "image").values())},
        )

    def features(self, source: str, reads: str) -> Job:
        made = self.feature_sets[source, reads]
        files, start = made.inputs, made.start
        inputs: Files = {name: files.get(name, []) for name in ["array", "index", "masks"]}
        settings = {"encoder": made.encoder, "choice": made.choice, "pooling": made.pooling}
        settings |= {"max_tokens": made.max_tokens, "precision": self.study.train.precision}
        return Job(
            "features",
            {"pairs": self.layout.split["pairs"], **inputs, "start": start[0] if start else []},
            made.outputs,
            settings,
            {"encoder_root": ENCODER_ROOT},
            (inputs_module(made.modality), *encoder_modules(made.encoder)),
            {"encoder_files": files["encoder"], "start_settings": [path.with_name(TRAINED_SETTINGS) for path in start]},
        )

    def train(self, model: str, run: str) -> Job:
        config = self.configs[model]
        reads = self.split_files | files_read(config, run) | role_files(self._in_roles(config), run)
        file = next(iter(settings_found(config, [run])), self.layout.model(model))
        outputs = self.layout.network(model, run)
        return Job("train", {"model": file}, outputs, parts=modules_of(config), reads=reads)

    def _in_roles(self, config: ModelConfig) -> dict[str, ModelConfig]:
        """The networks that a model needs besides those that read its modalities, by role."""
        return {role: self.configs[config.parts[role]] for role in model_spec(config.architecture).roles}

    def fit(self, model: str) -> Job:
        config, layout = self.configs[model], self.layout
        reads = fit_files(config) | {"found": settings_found(config, self.runs(model))}
        parts = (task_module(config.task), module_of(config.architecture))
        file, outputs = {"model": layout.model(model)}, layout.predictions(model)
        estimators, settings = layout.estimators(model, self.runs(model)), {"n_seeds": self._n_seeds(model)}
        return Job("fit", file, outputs, settings, parts=parts, reads=self.split_files | reads, writes=estimators)

    def pool_folds(self, model: str) -> Job:
        trained = [self.layout.network(model, run) for run in self.runs(model)]
        reads = {name: [files[name] for files in trained] for name in ["fold_predictions", "history"]}
        file, outputs = {"model": self.layout.model(model)}, self.layout.predictions(model)
        settings, curve = {"n_seeds": self._n_seeds(model)}, {"curve": self.layout.curve(model)}
        return Job("pool-folds", file, outputs | curve, settings, {}, (self.task,), reads | self.split_files)

    def late(self, model: str) -> Job:
        config, layout = self.configs[model], self.layout
        reads = [
            layout.fold_folder(part, run) / FOLD_PREDICTIONS
            for part in config.parts.values()
            for run in self.runs(model)
        ]
        outputs = self.layout.predictions(model) | {"settings": self.layout.late_settings(model)}
        return Job(
            "late", {"model": self.layout.model(model)}, outputs, {"n_seeds": self._n_seeds(model)},
            parts=(self.task, module_of(config.architecture)), reads={"parts": flat(reads)} | self.split_files,
        )  # fmt: skip

    def _n_seeds(self, model: str) -> int:
        return seeds_of(self.study, self.study.models[model])
