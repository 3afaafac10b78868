"""Models with all their settings: what is said of one, laid over what is said of all."""

from pathlib import Path

import pytest

from lungfuse.errors import UserError
from lungfuse.models.contrasts import contrasts
from lungfuse.models.naming import label
from lungfuse.plan.job import flat
from lungfuse.plan.load import load_studies, load_study
from lungfuse.plan.plan import Plan
from lungfuse.plan.reads import training_files
from lungfuse.plan.resolve import audit_columns, segmenter_of, text_tokens


def test_what_a_model_trains_with_is_laid_over_the_studys_own_to_the_last_key(params):
    params["studies"]["demo"]["models"]["image"]["train"]["augment"] = {"rotation": 20.0}
    demo = load_studies(params)["demo"]
    augment = Plan("demo", demo).configs["image"].train.augment
    assert augment == demo.train.augment.model_copy(update={"rotation": 20.0})


def test_a_model_reads_no_column_that_is_for_audits_alone(params):
    study = params["studies"]["openi-text"]
    study["modalities"] = ["text", "structured"]
    study["models"]["logistic"] = {"structured": ["age"]}
    assert audit_columns(load_studies(params)["openi-text"])[:2] == ["study_date", "pixel_spacing"]
    study["models"]["logistic"] = {"structured": ["age", "plate", "bits"]}
    with pytest.raises(UserError, match=r"models\.logistic\.structured: no model may read bits and plate: the dataset"):
        load_studies(params)


def test_masks_alone_are_those_of_the_segmenter_they_name_or_of_the_only_one(params):
    demo = load_studies(params)["demo-full"]
    assert segmenter_of(demo, "mask-only:unet-shenzhen") == "unet-shenzhen"
    openi = load_studies(params)["openi"]
    assert segmenter_of(openi, "mask-only") == "packaged"
    assert (segmenter_of(openi, "raw"), segmenter_of(openi, "")) == ("", "")


def test_a_model_bears_its_architectures_name_or_says_which_it_is(studies):
    models = studies["openi-text"].models
    assert list(models)[:3] == ["majority", "tfidf", "tfidf_impression"]
    assert models["tfidf"].architecture == models["tfidf_impression"].architecture == "tfidf"


def test_a_fused_model_takes_its_encoders_from_the_unimodal_models_that_trained_them(studies):
    config = Plan("demo", studies["demo"]).configs["kv-exchange"]
    assert config.parts == {"image": "image", "text": "text"}
    assert config.sources["image"].format(run="2_repeat1") == "image_fold2_repeat1"
    train = studies["demo"].train.model_copy(update={"init_from": "encoder"})
    from_the_start = studies["demo"].model_copy(update={"train": train})
    assert Plan("demo", from_the_start).configs["kv-exchange"].sources["image"] == "vit-tiny"


def test_each_repeat_of_a_fused_model_starts_from_the_same_repeat_of_its_parts(studies):
    once, twice = (Plan("demo-full", studies["demo-full"].model_copy(update={"n_seeds": count})) for count in (1, 2))
    plan = twice
    assert plan.all_runs[:2] == ["0", "1"] and plan.all_runs[5:7] == ["0_repeat1", "1_repeat1"]
    starts = training_files(plan.configs["joint"], "1_repeat1")["start"]
    assert [start.parent for start in starts] == [
        Path(f"results/demo-full/models/{name}/fold1_repeat1") for name in ["image", "text"]
    ]
    assert len(plan.runs("joint")) == 2 * len(once.runs("joint"))


def test_models_that_differ_in_one_thing_are_found(studies):
    def found(study: str) -> list[tuple[str, str, str]]:
        models = list(studies[study].models.values())
        return [(label(models[one.intact]), one.change, label(models[one.changed[0]])) for one in contrasts(models)]

    demo = found("demo-full")
    assert ("linear-probe", "mask-only:unet-cxr-masks", "linear-probe") in demo
    assert ("kv-exchange", "shuffled-text", "kv-exchange:shuffled-text") in demo
    assert ("irene", "text alone", "tfidf") in demo, "the first of those that read the same text"
    assert not [change for intact, change, _ in demo if "shuffled" in intact], "a shuffled one is no measure of others"
    assert {intact for intact, *_ in found("tb")} == {"linear-probe"}, "the fine-tuned model reads raw images alone"
    assert found("openi-text") == []


def test_texts_are_cut_where_a_study_says_or_its_encoder(studies):
    encoders = studies["openi-text"].encoders
    assert (encoders.text, text_tokens(encoders)) == ("minilm", 128)
    assert text_tokens(encoders.model_copy(update={"max_tokens": 256})) == 256


def test_a_model_is_trained_as_often_as_it_says_and_no_more_often_than_what_it_starts_from(params):
    models = params["studies"]["demo"]["models"]
    del params["studies"]["demo-full"]  # which has the same models
    for name in ["image", "text", "early"]:
        models[name]["n_seeds"] = 2
    plan = Plan("demo", load_studies(params)["demo"])
    folds = plan.study.split.folds
    assert [len(plan.runs(name)) for name in ["early", "kv-exchange"]] == [2 * folds, folds]
    assert plan.all_runs == plan.runs("early")
    models["kv-exchange"]["n_seeds"] = 3
    with pytest.raises(
        UserError,
        match=r"models\.kv-exchange\.n_seeds: found 3, but image, .* is trained 2 times, .*; say 2 or",
    ):
        load_studies(params)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"structured": "tfidf"}, "structured: found tfidf, which reads no structured; name a model that does"),
        (
            {"structured": "age_alone"},
            "reads structured crp and structured sex; name a model that does, or leave it out",
        ),
    ],
)
def test_a_late_fusion_reads_nothing_that_none_of_its_parts_reads(params, parts, message):
    del params["studies"]["demo-full"]  # which has the same models
    models = params["studies"]["demo"]["models"]
    models["age_alone"] = {"architecture": "logistic", "structured": ["age"]}
    models["late"] |= {"structured": ["age", "crp", "sex"], "parts": parts}
    with pytest.raises(UserError, match=rf"models\.late\.parts: .*{message}"):
        load_studies(params)


def test_an_estimator_is_fitted_as_often_as_it_says_with_files_for_each_training(params):
    params["studies"]["demo"]["models"]["tfidf"]["n_seeds"] = 2
    plan = Plan("demo", load_studies(params)["demo"])
    assert plan.fitted[2] == ["tfidf"] and "majority" in plan.fitted[1]
    made = plan.fit("tfidf").made["fold_predictions"]
    assert [path.parent.name for path in made][4:7] == ["fold4", "fold0_repeat1", "fold1_repeat1"]


def test_a_late_fusion_needs_every_repeat_of_its_parts_also_of_estimators(params):
    models = params["studies"]["demo"]["models"]
    del params["studies"]["demo-full"]  # which has the same models
    models["late"] |= {"parts": {"text": "tfidf"}, "n_seeds": 2}
    models["image"]["n_seeds"] = 2
    with pytest.raises(UserError, match=r"models\.late\.n_seeds: found 2, but tfidf, .* is trained 1 times"):
        load_studies(params)
    models["tfidf"]["n_seeds"] = 2
    read = Plan("demo", load_studies(params)["demo"]).late("late").reads["parts"]
    assert Path("results/demo/models/tfidf/fold3_repeat1/predictions.csv") in read and len(read) == 20


@pytest.mark.parametrize("place", ["", "models.tfidf."])
def test_no_model_is_trained_more_often_than_folds_are_drawn(params, place):
    study = params["studies"]["demo"]
    (study["models"]["tfidf"] if place else study)["n_seeds"] = 6
    with pytest.raises(UserError, match=rf"{place}n_seeds: found 6, but each .* is 5\. Say 5 or less, or raise"):
        load_studies(params)


def test_the_files_of_the_split_do_not_depend_on_how_often_a_model_is_trained(params):
    before = Plan("demo", load_studies(params)["demo"]).split()
    params["studies"]["demo"]["n_seeds"] = 3
    assert Plan("demo", load_studies(params)["demo"]).split() == before


def test_parts_that_a_model_does_not_read_need_not_be_trained_as_often(params):
    """Started from plain encoders, a fusion has nothing of the unimodal models."""
    params["studies"]["demo"]["models"]["early"] |= {"train": {"init_from": "encoder"}, "n_seeds": 2}
    assert len(Plan("demo", load_studies(params)["demo"]).runs("early")) == 10


@pytest.fixture
def covid(params):
    """A study of a table with texts under MiniLM and mean tokens, whose models a test names."""

    def plan(**models: dict) -> Plan:
        params["studies"]["covid-pneumonia"]["models"] = models
        return Plan(*load_study(params | {"study": "covid-pneumonia"}))

    return plan


IMAGE, TEXT = {"architecture": "image", "images": "raw"}, {"architecture": "text", "text": "notes"}


def files_of(job) -> str:
    return " ".join(map(str, flat(job.needed.values())))


def test_a_model_asks_for_the_tokenizer_of_its_own_encoder_and_for_no_other(covid):
    plan = covid(tiny=TEXT | {"encoders": {"text": "bert-tiny"}, "train": {"layers": "full"}}, text=TEXT)
    assert "encoders/bert-tiny/tokenizer.json" in files_of(plan.train("tiny", "0"))
    assert "minilm" not in files_of(plan.train("tiny", "0"))
    of_features = [files_of(plan.features(*name)) for name in plan.feature_sets]
    assert ["encoders/minilm/tokenizer.json" in files for files in of_features] == [True]
    assert list(plan.encoders) == ["bert-tiny", "minilm"]


def test_an_encoder_that_no_model_reads_with_is_asked_for_by_none(params):
    """A model of MiniLM under the default asks the hub for nothing."""
    params["studies"]["openi-text"]["models"] = {"text": {"text": "findings", "encoders": {"text": "minilm"}}}
    params["studies"]["openi-text"] |= {"modalities": ["text"], "encoders": {"text": "bert-base"}}
    plan = Plan(*load_study(params | {"study": "openi-text"}))
    jobs = [plan.train("text", "0"), plan.pages(), *(plan.features(*name) for name in plan.feature_sets)]
    assert not [job.stage for job in jobs if "bert-base" in files_of(job)]


def test_a_model_may_pool_and_cut_otherwise_than_its_study(covid):
    cut = {"encoders": {"pooling": "none", "max_tokens": 16}}
    plan = covid(text=TEXT, long=TEXT | cut, early=TEXT | {"architecture": "early", "images": "raw"} | cut)
    assert {name: config.pooling for name, config in plan.configs.items()} == {
        "text": "mean", "long": "none", "early": "none"
    }  # fmt: skip
    read = {name: files_of(plan.train(name, "0")) for name in plan.configs}
    assert "minilm/notes.mean/tokens.npy" in read["text"]
    assert "minilm/notes.max16/tokens.npy" in read["long"] and "minilm/notes.max16/tokens.npy" in read["early"]
    made = plan.features("minilm", "notes.max16").settings
    assert (made["pooling"], made["max_tokens"]) == ("none", 16)


def test_two_recipes_of_an_architecture_on_the_same_inputs_are_two_models(covid):
    """A model is all that its file says."""
    recipes = {"full": {"train": {"layers": "full"}}, "rounded": {"train": {"label_smoothing": 0.2}}}
    recipes |= {"tiny": {"encoders": {"image": "vit-tiny"}}, "pretrained": {"train": {"init_from": "pretrained"}}}
    plan = covid(image=IMAGE, **{name: IMAGE | recipe for name, recipe in recipes.items()})
    assert len({config.model_dump_json(exclude={"name"}) for config in plan.configs.values()}) == 5
    assert plan.configs["pretrained"].sources == {"image": "efficientnet-lite0_pretrained"}
    with pytest.raises(UserError, match=r"models\.again: is the same as image in everything; remove one"):
        covid(image=IMAGE, again=IMAGE)
