"""The analyses of a study by name: a file here is one, with its table, its figure and where both appear in the report.

A file declares

- TITLE, SECTION, ORDER and CAPTION: what the report calls it, in which section and at which place in it, and the text
  below it;
- WANTED: which studies have it, as attributes of `Plan` that all have to be true ("study.leakage.sections"), or false
  where one begins with "not "; every study, where the list is empty;
- READS: what it is made from, as attributes of `Plan` that are files, lists of files, or groups of files by name;
- SETTINGS: what else decides it, as attributes of `Plan`;
- OF_CASES, where it shows images, texts, words or small counts of cases: True. A study with `share: aggregate` does
  without it, and without one that is OF_PAIRS;
- OF_PAIRS, where its table names single pairs, which are patients: True. It is then not kept under docs/results.

and defines `compute`, which returns its table, `draw`, which returns its figure, or both:

- `TABLE` is the type of the table that `compute` returns; it is written to results/<study>/<name>.csv, and to a page.
- `draw` is given the table as it was read back, as `table`.

Both ask by the names of their parameters for what they need:

- `results`: the models of the comparison with their predictions, where READS has "predicted";
- `task`: what the study asks of a pair; `above`: what has to stand above a figure;
- each of the files of READS, and each of SETTINGS, by its last name: "study.seed" is `seed`.
"""
