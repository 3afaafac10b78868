"""What the model card says of image encoders that have learned from other patients first."""

import json

from lungfuse.report.cards import about_pretraining


def test_a_pre_training_says_which_labels_of_the_study_it_has_learned(tmp_path):
    made = {"encoder": "vit-tiny", "headings": ["lung", "nodule", "normal"], "learned": 1800, "validated": 200}
    files = [tmp_path / name / "settings.json" for name in ["vit-tiny", "vit-tiny-without-labels"]]
    for file, labels in zip(files, [{"normal": 443, "lung": 1}, {}], strict=True):
        file.parent.mkdir()
        file.write_text(json.dumps(made | {"labels": labels}))
    with_labels, without = about_pretraining(files)
    assert with_labels == (
        "vit-tiny was first trained on 2,000 images of other patients to predict 3 headings of their reports, among "
        "them the labels of this study: normal (443 reports) and lung (1 report) (`vit-tiny`)"
    )
    assert without.endswith("among them no label of this study (`vit-tiny-without-labels`)")
