"""How well a small RT-DETR finds the boxes of annotated regions, beside the segmenters of a study.

    snakemake --cores 2 --config study=skin-regions
    python benchmarks/detector.py --study skin-regions --csv docs/results/skin-regions/detector.csv

The detector learns from nothing, from the training images that the segmenters learn from, in the same size, grey values
and augmentation, with the box of each lesion in place of its mask. The epoch is chosen by mAP50-95 on the validation
images; the test images are read once, with the weights of that epoch. Rows are those of `regions.csv`, with parameters
and seconds. It goes on where it was stopped: `--work` has the weights and the scores of each epoch.

Zhao et al., DETRs Beat YOLOs on Real-time Object Detection, CVPR 2024, https://arxiv.org/abs/2304.08069.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.optim.lr_scheduler import OneCycleLR
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

from lungfuse.files import atomic_path, atomic_write, read_array
from lungfuse.plan.load import load_study
from lungfuse.plan.names import PARAMS
from lungfuse.plan.plan import Plan
from lungfuse.segment.augment import augment
from lungfuse.segment.box_scores import BoxScores
from lungfuse.segment.boxes import boxes_of
from lungfuse.segment.clean import largest
from lungfuse.segment.segmentation_scores import score_boxes
from lungfuse.settings.params import read_params
from lungfuse.tables.base import read_table
from lungfuse.tables.segmentation import AnnotatedIndex

DETECTOR = "rt-detr"
WIDTH, QUERIES = 64, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="skin-regions")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("detected"), help="folder of what was trained so far")
    parser.add_argument("--csv", type=Path, help="write the table here")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    plan = Plan(*load_study(read_params(PARAMS) | {"study": arguments.study}))
    files, segmentation = plan.layout.annotated, plan.study.segmentation
    index = read_table(files["annotated_index"], AnnotatedIndex)
    images, masks = (read_array(files[name], len(index)) for name in ["annotated_images", "annotated_masks"])
    part = {name: rows["row"].to_numpy() for name, rows in index.groupby("part")}

    torch.manual_seed(plan.study.seed)
    detector = small_rt_detr()
    history = train(detector, images, masks, part, segmentation.mask.components, arguments)
    tested = part["test"]
    scores = box_scores(detector, images[tested], masks[tested], segmentation.mask.components)
    patients = index.set_index("row")["patient"].loc[tested].to_numpy()
    row = {"segmenter": DETECTOR, "region": segmentation.region, "components": segmentation.mask.components}
    row |= {"source": " and ".join(sorted(index["site"].unique()))}
    row |= score_boxes(scores, patients, plan.study.comparison, plan.study.seed)
    row |= {"parameters": sum(each.numel() for each in detector.parameters()), "epochs": len(history)}
    row |= {"epoch": int(history["map50_95"].idxmax()), "seconds_per_epoch": round(history["seconds"].median(), 1)}
    table = pd.DataFrame([row])
    print(table.T.to_string(header=False))
    if arguments.csv:
        with atomic_write(arguments.csv) as stream:
            table.to_csv(stream, index=False, lineterminator="\n")


def small_rt_detr() -> RTDetrForObjectDetection:
    """A detector of one class with a residual network of four blocks, 1.2 million parameters, random weights."""
    backbone = RTDetrResNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32, 64, 128],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    heads = {f"{part}_attention_heads": 4 for part in ["encoder", "decoder"]}
    widths = {f"{part}_ffn_dim": 2 * WIDTH for part in ["encoder", "decoder"]}
    return RTDetrForObjectDetection(
        RTDetrConfig(
            backbone_config=backbone,
            encoder_in_channels=[32, 64, 128],
            encoder_hidden_dim=WIDTH,
            d_model=WIDTH,
            decoder_in_channels=[WIDTH] * 3,
            decoder_layers=3,
            num_queries=QUERIES,
            num_denoising=QUERIES,
            num_labels=1,
            freeze_backbone_batch_norms=False,
            **heads,
            **widths,
        )
    )


def train(
    detector: RTDetrForObjectDetection,
    images: np.ndarray,
    masks: np.ndarray,
    part: dict[str, np.ndarray],
    components: int,
    arguments: argparse.Namespace,
) -> pd.DataFrame:
    """Train a detector and leave it with the weights of its best epoch. Returns mAP and seconds of each epoch."""
    latest, best = (arguments.work / f"{name}.pt" for name in ["latest", "best"])
    arguments.work.mkdir(parents=True, exist_ok=True)
    steps = -(-len(part["train"]) // arguments.batch_size)
    optimizer = torch.optim.AdamW(detector.parameters(), arguments.learning_rate, weight_decay=1e-4)
    schedule = OneCycleLR(optimizer, arguments.learning_rate, epochs=arguments.epochs, steps_per_epoch=steps)
    history = []
    if latest.exists():
        state = torch.load(latest, weights_only=True)
        history = state["history"]
        for each, name in [(detector, "detector"), (optimizer, "optimizer"), (schedule, "schedule")]:
            each.load_state_dict(state[name])
    for epoch in range(len(history), arguments.epochs):
        start = time.perf_counter()
        detector.train()
        order = np.random.default_rng([0, epoch]).permutation(part["train"])
        for step in range(steps):
            rng = np.random.default_rng([0, epoch, step])
            rows = order[step * arguments.batch_size : (step + 1) * arguments.batch_size]
            variants = [augment(rng, images[row], masks[row]) for row in rows]
            pixels = np.stack([image for image, _ in variants])
            boxes = [boxes_of(largest(mask > 0, components)) for _, mask in variants]
            loss = detector(
                pixel_values=as_pixels(pixels), labels=[labels_of(each, images.shape[1]) for each in boxes]
            ).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(detector.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        seconds = time.perf_counter() - start
        checked = part["validation"]
        map50, map50_95 = box_scores(detector, images[checked], masks[checked], components).average_precision(
            np.arange(len(checked))
        )
        history.append({"map50": float(map50), "map50_95": float(map50_95), "seconds": seconds})
        print(
            f"epoch {epoch}: loss {loss.item():.3f}, validation mAP50 {map50:.3f}, mAP50-95 {map50_95:.3f}", flush=True
        )
        if map50_95 == max(each["map50_95"] for each in history):
            save(best, {"detector": detector.state_dict()})
        states = {"detector": detector, "optimizer": optimizer, "schedule": schedule}
        save(latest, {name: each.state_dict() for name, each in states.items()} | {"history": history})
    detector.load_state_dict(torch.load(best, weights_only=True)["detector"])
    return pd.DataFrame(history)


def save(path: Path, state: dict) -> None:
    with atomic_path(path) as unfinished:
        torch.save(state, unfinished)


def as_pixels(images: np.ndarray) -> torch.Tensor:
    """Grey images in [0, 1], (image, y, x), each to mean 0 and deviation 1, as the U-Net has them: (image, 3, y, x)."""
    pixels = torch.from_numpy(images).float()
    spread = pixels.std(dim=(1, 2), keepdim=True).clamp_min(1e-3)
    pixels = (pixels - pixels.mean(dim=(1, 2), keepdim=True)) / spread
    return pixels[:, None].expand(-1, 3, -1, -1)


def labels_of(boxes: np.ndarray, side: int) -> dict[str, torch.Tensor]:
    """Boxes of left, top, width, height in pixels as RT-DETR reads them: centre and size, as shares of the side."""
    sizes = torch.from_numpy(boxes).float() / side
    centred = torch.cat([sizes[:, :2] + sizes[:, 2:] / 2, sizes[:, 2:]], dim=1)
    return {"class_labels": torch.zeros(len(boxes), dtype=torch.long), "boxes": centred}


@torch.inference_mode()
def box_scores(
    detector: RTDetrForObjectDetection, images: np.ndarray, masks: np.ndarray, components: int, batch: int = 64
) -> BoxScores:
    """The detector's surest boxes, `components` an image as the study's masks have, against those of the true masks."""
    detector.eval()
    side = images.shape[1]
    found, confidences = [], []
    for start in range(0, len(images), batch):
        output = detector(pixel_values=as_pixels(images[start : start + batch].astype(np.float32) / 255))
        sure, chosen = output.logits[..., 0].sigmoid().topk(components, dim=1)  # (image, component)
        boxes = output.pred_boxes.gather(1, chosen[..., None].expand(-1, -1, 4)) * side
        corners = torch.cat([boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., 2:]], dim=-1)
        found += list(corners.double().numpy())
        confidences += list(sure.double().numpy())
    true = [boxes_of(largest(mask, components)) for mask in masks]
    return BoxScores(true, found, confidences)


if __name__ == "__main__":
    main()
