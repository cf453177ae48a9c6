"""How each number of the report is computed, in the words that the report prints."""

DEFINITIONS = {
    "Tokens, words": "Shares and rates count words (runs of letters and digits after case folding; each character "
    "of scripts without spaces) unless a tokenizer is configured. Documents, not words, are the units of every "
    "interval: the words of one text are not independent.",
    "exact_match": "Every word of a question, in order, anywhere in a document, whatever the case, punctuation and "
    "line breaks between them.",
    "ngram_overlap": "Share of a question's own words that lie inside an n-gram of words (8 by default) found in one "
    "document; short questions as whole phrases, with their options or answer beside them where they say too little "
    "alone. Wording that many items of a set share, and phrases that the corpus has everywhere, count on neither side.",
    "near_duplicate": "Share of a question's own words that a stretch of a document has in the question's order "
    "(longest common subsequence), for stretches that hold enough of its 3-word shingles; 70 % by default.",
    "question only, question answer, answer only, passage only, template": "Evidence is kept apart: the question "
    "alone, the question with its answer, the answer without its question (no leak by itself), a passage without its "
    "question (public texts are no leaks), and wording of the test set's own form (no leak).",
    "Short items": "Items of fewer than 30 words need more agreement, up to 90 % at 12 words: there, one changed word "
    "makes another problem.",
    "Recall, precision, documents accused wrongly": "Measured by planting copies of test items, whole and edited, in "
    "documents of a corpus (recall), and by scanning the documents as they are (false alarms); precision is the share "
    "of planted copies among all that was exposed, so it holds for that mix. Canaries measure recall in this run. "
    "Intervals are Wilson's, 95 %.",
    "semantic_overlap": "The probability that a passage says what a question says: a logistic regression over the "
    "cosine of their sentence embeddings (from what unrelated texts have) and over the numbers, names, units and "
    "length that differ. Only passages that share rare concepts with the question are compared.",
    "reworded, translated, same problem with new numbers, same topic": "What semantic_overlap found: the question in "
    "other words; in another language; with other numbers, so that its answer is another (suspect at most); or only "
    "the same subject (no leak).",
    "Maps of meaning": "Sentence embeddings of test items and of the passages compared with them, in two dimensions "
    "by t-SNE (perplexity 10) from their first principal components, for each test set by itself. It keeps "
    "neighbours together, so near means alike by comparison with everything drawn; other distances mean nothing. "
    "No verdict comes from a map.",
    "How far to trust the detectors": "On this project's benchmark (benchmarks/results), of whole questions in web "
    "pages ngram_overlap exposes 100 % for GSM8K, 99 % for MATH and 98 % for MMLU; of GSM8K copies with 20 % of the "
    "words swapped, ngram_overlap 22 % and near_duplicate 95 %; of LMSYS rewordings, semantic_overlap 97 %. Accused: 0 "
    "of 1,000 web pages by any for GSM8K; of its training problems 0.04 % by ngram_overlap, 0.08 % by near_duplicate "
    "and 0.4 % by semantic_overlap, some of them near-copies. Other test sets and corpora may behave differently: "
    "calibrate.",
    "exposed, suspect, clean, unmatchable": "Exposed: a detector found the item at its threshold. Suspect: found in "
    "part. Clean: looked for and not found. Unmatchable: too short or too alike to be found, so nothing is known.",
    "domain_drift, language_drift, script_drift": "A share fails when its change is real (Benjamini-Hochberg q-value "
    "over all shares, documents or hosts as clusters), large enough in points or by ratio, seen in enough documents, "
    "and outside the band of the corpus's own runs.",
    "Band": "Median ± 3 × 1.4826 × median absolute deviation of a metric in the last 8 to 30 accepted runs that "
    "counted in the same way. What lies inside is usual for this corpus; a band that moves steadily excuses nothing.",
    "mix, within, interaction": "Kitagawa's split of a share's change: by sources that grew or shrank (mix), by "
    "sources whose own share moved (within), and both at once (interaction). The three add up to the change.",
    "length_drift": "Distance between the distributions of document lengths on a logarithmic scale, in interquartile "
    "ranges of the baseline (W1/IQR), and their largest difference (Kolmogorov-Smirnov); beyond what halves of the "
    "same documents differ by.",
    "synthetic_share": "Share of documents with wording or markup that chatbots leave behind, outside quotation marks. "
    "A lower bound that moves with the share of machine-written text, not an estimate of it.",
    "corpus_c2st": "Area under the ROC curve of a classifier that tells documents of this corpus from the baseline's, "
    "tested on hosts that it did not see: 0.5 is no difference, 1 a clean separation.",
    "Distances": "Total variation: share of tokens that would have to change category. Jensen-Shannon divergence in "
    "bits (base 2) with the part that sampling alone gives. Population stability index: natural logarithm. All of them "
    "are shown and not judged.",
    "tokenizer_stats": "Bytes per token; tokens per word (fertility); tokens that are bytes or other parts of "
    "characters (fallback) or unknown; pieces with a letter that are one token; documents with a special token in "
    "their text. Intervals take documents as clusters.",
    "token_drift": "Occurrences of a term per million words or tokens, compared with documents as clusters, so that "
    "a term that is only burstier is not called rarer.",
    "target_mix": "Share of tokens (bytes, documents) that would have to change group to make the mix the target's: "
    "half the sum of |share - target|. Sampling down keeps (target/share) / max(target/share) of each group; sampling "
    "up sees a group (target × total / what there is) times, at most 4, and shares out to the others what that leaves.",
    "losses": "Mean loss of the newest steps against as many before, with blocks of steps as clusters, widened by the "
    "correlation of neighbouring blocks; q-values over domains. Against all together: the change of a domain's loss "
    "less that of the whole batch. A spike is 7 robust standard deviations (1.4826 × MAD) above the median of the 200 "
    "steps before.",
    "evals": "Change of a benchmark from one checkpoint to the next: over the same items where samples are there "
    "(bootstrap, McNemar), else Newcombe's interval of two counts, or two standard errors; q-values over tasks. Groups "
    "of errors: k-means of the items' words; lift is the share of wrong answers over that of all other items.",
    "encoding_damage, repetition": "Share of documents that break a rule. A scope fails when the lower end of the "
    "95 % interval of its share is above the limit.",
    "Coverage": "Every record seen is read as a document, quarantined with a reason, or unreadable; bytes read are "
    "compared with bytes stored. A run that did not read everything fails.",
    "INSUFFICIENT": "The check had too little data to say anything. It is not a pass.",
}
"""Term to explanation, in the order in which the report needs them."""
