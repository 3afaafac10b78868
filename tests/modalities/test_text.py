"""Texts as token numbers, by the vocabulary of their encoder, whatever it is."""

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from lungfuse.encoders.tokens import special_tokens
from lungfuse.errors import UserError
from lungfuse.modalities.text.inputs import augment, text_source

TEXTS = pd.Series(["the lungs are clear " * 20, "the heart is enlarged " * 5, ""])


def word_pieces(special: list[str]) -> Tokenizer:
    """A vocabulary in the form of BERT's, with other numbers than in bert-base-uncased."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(TEXTS, trainers.WordPieceTrainer(special_tokens=special))
    ends = [(token, tokenizer.token_to_id(token)) for token in ["[CLS]", "[SEP]"]]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def bytes_of_roberta() -> Tokenizer:
    """A vocabulary in the form of RoBERTa's: byte pairs, and padding that is not 0."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(special_tokens=special))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


@pytest.fixture
def training(studies):
    """Settings of a training in which a share of the words is left out."""
    return lambda share: studies["demo"].train.model_copy(update={"word_dropout": share})


@pytest.fixture(params=["PubMedBERT", "RoBERTa"])
def vocabulary(request, tmp_path):
    """A tokenizer file with the numbers of its padding, its mask, and the marks of start and end."""
    of_bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]  # 0 to 4, as in PubMedBERT
    tokenizer = word_pieces(of_bert) if request.param == "PubMedBERT" else bytes_of_roberta()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    numbers = (0, 4, (2, 3)) if request.param == "PubMedBERT" else (1, 4, (0, 2))
    return tmp_path / "tokenizer.json", *numbers


def test_a_batch_is_filled_up_with_the_padding_of_the_vocabulary(vocabulary):
    file, padding, _, _ = vocabulary
    batch = text_source(TEXTS, file, max_tokens=30).batch([0, 1, 2])
    assert batch["mask"].sum(1).tolist()[::2] == [30, 0]
    assert (batch["ids"][~batch["mask"]] == padding).all()
    assert not (batch["ids"][batch["mask"]] == padding).any()


def test_words_are_left_out_by_the_mask_of_the_vocabulary_but_no_padding_and_no_mark(vocabulary, training):
    file, _, mask, marks = vocabulary
    torch.manual_seed(0)
    batch = text_source(pd.concat([TEXTS] * 40), file, max_tokens=30).batch(list(range(120)))
    changed = augment(batch, training(0.5))["ids"]
    words = batch["mask"] & ~torch.isin(batch["ids"], torch.tensor(marks))
    assert 0.45 < (changed[words] == mask).double().mean() < 0.55
    assert (changed[changed != batch["ids"]] == mask).all()
    assert (changed == batch["ids"])[~words].all()


def test_dropped_and_reordered_texts_keep_their_vocabulary(vocabulary):
    file, padding, _, _ = vocabulary
    source = text_source(TEXTS, file, max_tokens=30)
    assert (source.dropped().batch([0, 1])["ids"] == padding).all()
    assert source.reordered(np.array([2, 1, 0])).batch([0, 1])["ids"][0, 1] == padding


def test_a_vocabulary_without_a_mask_is_reported_where_words_are_to_be_left_out(tmp_path, training):
    file = tmp_path / "tokenizer.json"
    word_pieces(["[PAD]", "[UNK]", "[CLS]", "[SEP]"]).save(str(file))
    assert special_tokens(file).mask is None
    batch = text_source(TEXTS, file, max_tokens=30).batch([0, 1])
    assert augment(batch, training(0.0)) is batch
    with pytest.raises(UserError, match=r"train\.word_dropout: found 0\.1, .*\[MASK\], <mask>"):
        augment(batch, training(0.1))
