"""What a shop would write in a day: FastAPI and `implicit`'s `recommend` on the factors of the release.

The shopper's vector is computed anew from the history in the request; no features, no filters, no ranker, and whoever
has no history gets a fixed list.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field
from scipy import sparse

from recsys.arrays import load_array

__all__ = ["create_app", "main"]


class _Question(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: Annotated[list[int], Field(max_length=500)]
    num: Annotated[int, Field(ge=1, le=200)] = 20


def create_app(factors: np.typing.NDArray[np.float32]) -> FastAPI:
    """The application over item factors float32[n, d]."""
    from implicit.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with threadpool_limits(1, "blas"):
        # Any regularisation costs the same.
        model = AlternatingLeastSquares(
            factors=factors.shape[1], regularization=1.0, iterations=0, num_threads=1, random_state=0
        )
    model.item_factors = factors
    model.user_factors = np.zeros((1, factors.shape[1]), np.float32)
    app = FastAPI(title="peer", docs_url=None, redoc_url=None, openapi_url=None)
    popular = list(range(200))

    @app.post("/recommend")
    async def recommend(body: _Question) -> dict[str, Any]:
        if not body.items:
            return {"items": popular[: body.num], "scores": [0.0] * body.num}
        columns = np.unique(np.array(body.items, np.int32))
        ones = np.ones(len(columns), np.float32)
        row = sparse.csr_matrix((ones, columns, [0, len(columns)]), shape=(1, len(factors)))
        items, scores = model.recommend(0, row, N=body.num, recalculate_user=True)
        return {"items": items.tolist(), "scores": scores.tolist()}

    @app.get("/readyz")
    async def ready() -> Response:
        return Response()

    return app


def main() -> None:
    """Serve the factors `factors.npy` of a folder (first argument) on a port (second argument)."""
    factors = np.array(load_array(Path(sys.argv[1]), "factors"))
    uvicorn.run(
        create_app(factors), host="127.0.0.1", port=int(sys.argv[2]), log_config=None, access_log=False
    )


if __name__ == "__main__":
    main()
