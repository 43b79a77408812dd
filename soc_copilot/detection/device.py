"""Where models run. torch is imported only when asked, to keep the window's start short."""

from soc_copilot.domain.errors import DetectorError


def pick_device(wanted: str = "auto") -> tuple[str, str]:
    """The torch device to run models on.

    Args:
        wanted: "auto" (a GPU when there is one), "cpu" or "cuda".

    Returns:
        The torch device ("cpu", "cuda:0") and its name for screens ("CPU, 2 threads",
        "NVIDIA H200").

    Raises:
        DetectorError: "cuda" was asked for and there is none, or the word is unknown.
    """
    if wanted not in {"auto", "cpu", "cuda"}:
        raise DetectorError(f'There is no device "{wanted}"; choose auto, cpu or cuda.')
    import torch

    if wanted != "cpu" and torch.cuda.is_available():
        return "cuda:0", str(torch.cuda.get_device_name(0))
    if wanted == "cuda":
        raise DetectorError(
            "The device cuda was asked for, and torch finds no GPU. Set detection.device to "
            "auto or cpu, or install a torch build with CUDA and the GPU's driver."
        )
    n_threads = torch.get_num_threads()
    return "cpu", f"CPU, {n_threads} thread{'' if n_threads == 1 else 's'}"
