"""What the course claims of notebook 05, beyond the bands."""

from collections.abc import Iterable

from helpers.scorecard import Record

ADD_UP = ("KernelSHAP", "PartitionExplainer", "DeepExplainer")


def broken_claims(records: Iterable[Record]) -> list[str]:
    """Say which claims the records of a default run of notebooks 04 and 05 do not bear out."""
    by_metric = {record.metric: record for record in records if record.axis == "explanation"}

    def of(metric: str) -> Record:
        return by_metric[metric]

    slope = "slope of the error of Shapley values, "
    ours, blob = of("deletion AUC, KernelSHAP"), of("deletion AUC, centre Gaussian")
    claims = {
        "values add up to a hundredth of a logit": max(of(f"additivity error, {name}").high for name in ADD_UP) < 0.01,
        "GradientExplainer adds up on average only": of("additivity error, GradientExplainer").low > 0.01,
        "with drawn orders the error falls with the root": abs(of(slope + "drawn orders").value + 0.5) < 0.15,
        "KernelSHAP's error falls about as the root": all(
            -0.85 < of(slope + way).value < -0.45 for way in ("ours", "shap, l1_reg=False")
        ),
        "shap's default stops at the floor of ten values": of("error of shap's default over its floor").low >= 1
        and of("error of shap's default over its floor").value < 1.4,
        "shap's default is more wrong than l1_reg=False": of("error of shap's default over l1_reg=False").low > 1.2,
        "against its own class hardly anything is left to explain": abs(
            of("left to explain against a background of its own class").value
        )
        < 0.5,
        "KernelSHAP beats the centre Gaussian in deletion, on the 500 pictures of notebook 04": ours.high < blob.low
        and ours.n == blob.n == 500,
    }
    return [claim for claim, holds in claims.items() if not holds]
