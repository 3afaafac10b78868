"""Keys of params.yaml that had another name before, and those that are gone."""

OLD_KEYS = {
    "adapter": "dataset",
    "apart": "group_by",
    "averaging": "ema_decay",
    "batch": "batch_size",
    "clip": "gradient_clip",
    "covers": "leak_min_share",
    "cut": "redact_terms",
    "gives_away": "leak_auroc",
    "image_px": "image_size",
    "least": "min_reports",
    "least_area": "min_area",
    "least_contrast": "min_contrast",
    "model": "architecture",
    "most_area": "max_area",
    "most_asymmetry": "max_asymmetry",
    "most_components": "max_components",
    "repeats": "n_seeds",
    "start": "init_from",
}

GONE = {  # with what to say instead
    "cnns": "is gone, for its networks are encoders now: say models such as image_vgg19: {architecture: image, images: "
    "raw, encoders: {image: vgg19}, train: {layers: full}}, as the study openi-published has them",
}
