"""P2C: class labels with preferences between records beside them (catalogue 55).

Source: Kim et al. 2023, "Prefer to Classify: Improving Text Classifiers via Auxiliary Preference Learning". One
encoder, a class head, and three preference heads of two hidden layers whose score of a record lies between -1 and 1;
which of two records is more of a class is a logistic difference of scores, the preferred one shall also be the more
probable, and the heads shall differ. The evidence is a mixture of any that speaks of single records with preferences
about a class; its host is the same network on the former alone.

Read in abstract and code, whose weights are 1 for preferences and consistency and, in its run, 0.1 for diversity. The
code draws, for every record, a partner of the same label on which the heads disagree, increasingly along the epochs;
here the pairs are those that were asked, and of each batch's the disputed half is read (option ``informative``). In the
code the head is told the label, here it has a score for every class; a tie there counts as half a win each way, here
it has the likelihood of Davidson (1970). The three heads need all of a batch's pairs; the class head alone predicts.
"""

from __future__ import annotations

from tacit.engines.method import Context, Method
from tacit.engines.preference import PreferToClassify
from tacit.engines.robust import named_views
from tacit.systems.base import Stage, System
from tacit.systems.supervised_augmented import settings


def build(context: Context, before: Method | None) -> Method:
    """Three preference heads beside the class head."""
    return PreferToClassify(
        context.encoder(),
        context.task,
        named_views(context),
        preference=context.option("preference", 1.0),
        consistency=context.option("consistency", 1.0),
        diversity=context.option("diversity", 0.1),
        informative=context.option("informative", 0.5),
    )


SYSTEM = System(
    name="p2c",
    title="P2C: classes with preferences beside them",
    family="supervised",
    stages=(Stage("train", build, settings=settings),),
    catalogue=55,
    paper="Kim et al. 2023, arXiv 2306.04925",
)
