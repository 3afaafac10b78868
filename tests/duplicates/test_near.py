"""What is nearly the same."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance
from scipy.ndimage import gaussian_filter

from lungfuse.duplicates import copies as of_copies
from lungfuse.duplicates.copies import alike_images, same_images, same_texts
from lungfuse.duplicates.near import COLUMNS, jaccard, near_pairs, shingles, simhash
from lungfuse.duplicates.pictures import look_at
from lungfuse.ingest.groups import normalise

RNG = np.random.default_rng(0)


def test_near_pairs_are_those_of_a_comparison_of_all_across_the_ends_of_blocks():
    bits = RNG.random((COLUMNS + 100, 64)) < 0.5
    bits[COLUMNS + 50] = bits[3] ^ (np.arange(64) < 6)
    bits[20] = bits[4]
    found = {(int(a), int(b)) for rows in near_pairs(bits, 6) for a, b in zip(*rows, strict=True)}
    assert found == {(3, COLUMNS + 50), (4, 20)}
    few = bits[:60]
    plain = (few[:, None] != few).sum(axis=2)
    for radius in [0, 20, 30]:
        expected = {(a, b) for a, b in np.argwhere(plain <= radius).tolist() if a < b}
        assert {
            pair for rows in near_pairs(few, radius) for pair in zip(*map(np.ndarray.tolist, rows), strict=True)
        } == expected


def chests(count: int) -> np.ndarray:
    """Images that are alike, as those of chests are: one shape, moved and mixed with what is each one's own."""
    shape = gaussian_filter(RNG.normal(size=(96, 96)), 12)
    shape = 120 + 60 * shape / np.abs(shape).max()
    own = np.stack([gaussian_filter(RNG.normal(size=(96, 96)), 4) for _ in range(count)])
    moved = np.stack([np.roll(shape, RNG.integers(-3, 4, 2), (0, 1)) for _ in range(count)])
    return (moved + 15 * own / own.std()).clip(0, 255).astype(np.uint8)


def saved_anew(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=60)
    brighter = ImageEnhance.Brightness(Image.open(stream)).enhance(1.15)
    return np.asarray(brighter)


def test_a_copy_saved_anew_is_near_and_images_of_a_kind_are_not():
    images = chests(300)
    images[200], images[250] = images[100], saved_anew(images[50])
    copies = same_images(look_at(images, np.arange(300), np.arange(300), int))
    assert copies.same.tolist() == [[100, 200]]
    assert copies.near.tolist() == [[50, 250]]
    assert copies.likeness[0] > 0.9


@pytest.mark.parametrize("block", [7, 1024])
def test_alike_are_all_pairs_from_a_likeness_on_in_whichever_blocks_they_are(monkeypatch, block):
    monkeypatch.setattr(of_copies, "BLOCK", block)
    images = chests(60)
    images[55], images[20], images[30] = saved_anew(images[5]), 0, 0
    pictures = look_at(images, np.arange(60), np.arange(60) + 100, int)
    shown = np.flatnonzero(~pictures.blank)
    vectors = pictures.apart(shown)
    expected = shown[np.argwhere(np.triu(vectors @ vectors.T > 0.15, 1))] + 100
    assert len(expected) > 5
    assert sorted(alike_images(pictures, 0.15).tolist()) == expected.tolist()
    assert alike_images(pictures, 0.85).tolist() == [[105, 155]]


def test_the_same_pixels_are_alike_at_any_likeness():
    images = chests(60)
    images[40] = images[10]
    assert alike_images(look_at(images, np.arange(60), np.arange(60), int), 1.0).tolist() == [[10, 40]]


def test_colours_and_very_few_images_are_looked_at_too():
    images = np.stack([chests(4)] * 3, axis=-1)
    images[3] = images[0]
    copies = same_images(look_at(images, np.arange(4), np.arange(4), int))
    assert copies.same.tolist() == [[0, 3]]
    assert same_images(look_at(images[:1], np.arange(1), np.arange(1), int)).near.shape == (0, 2)
    assert same_images(look_at(images[:0], np.arange(0), np.arange(0), int)).same.shape == (0, 2)


def test_blank_images_are_no_copies_of_each_other():
    images = np.zeros((5, 32, 32), np.uint8)
    assert not len(same_images(look_at(images, np.arange(5), np.arange(5), int)).same)


def texts(count: int) -> pd.Series:
    words = np.array([f"word{n}" for n in range(500)])
    return pd.Series([" ".join(words[row]) for row in RNG.integers(0, 500, (count, 40))])


def test_a_text_with_a_word_changed_is_near_and_one_with_other_punctuation_is_the_same():
    said = texts(200)
    said[150] = said[10].replace(" ", ", ").upper()
    said[160] = " ".join([*said[20].split()[:-1], "another"])
    copies = same_texts(normalise(said))
    assert copies.same.tolist() == [[10, 150]]
    assert copies.near.tolist() == [[20, 160]]


def test_short_and_empty_texts_have_no_runs_of_three_words():
    assert [len(runs) for runs in shingles(["", "two words", "now three words"])] == [0, 0, 1]
    assert same_texts(pd.Series(["", "", "a b"])).same.shape == (0, 2)


def test_simhash_is_alike_for_sets_that_share_most():
    one = RNG.integers(0, 2**63, 100, dtype=np.uint64)
    other = np.sort(np.concatenate([one[:90], RNG.integers(0, 2**63, 10, dtype=np.uint64)]))
    unlike = RNG.integers(0, 2**63, 100, dtype=np.uint64)
    bits = simhash([np.sort(one), other, unlike])
    near, far = (bits[0] != bits[1]).sum(), (bits[0] != bits[2]).sum()
    assert near < 16 < far
    assert jaccard(np.sort(one), other) == pytest.approx(90 / 110)
