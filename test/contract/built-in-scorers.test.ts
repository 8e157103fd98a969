import { builtInScorers } from "../../scorers/index.ts";
import { describeScorer } from "./scorer-contract.ts";

for (const scorer of builtInScorers) describeScorer(scorer);
