from small_comparison import BINARY

from lungfuse.analyses.examples import examples


def test_examples_are_of_both_classes_and_the_same_for_a_seed(pairs):
    pairs = pairs.assign(image_id=pairs["pair_id"])
    chosen = examples(BINARY, pairs, seed=1)
    assert pairs["label"][chosen].tolist() == [0] * 4 + [1] * 4
    assert chosen == examples(BINARY, pairs, seed=1) != examples(BINARY, pairs, seed=2)


def test_examples_of_several_labels_have_each_of_them(draw):
    drawn = draw("multilabel")
    chosen = examples(drawn.task, drawn.pairs, seed=0)
    assert len(set(chosen)) == len(chosen) == 6
    assert ((drawn.task.targets(drawn.pairs)[chosen] == 1).sum(axis=0) >= 2).all()
