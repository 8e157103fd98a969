/** A program of two-machines.ts: a model of a vLLM pod at the ip:port given, that serves the model "m". */
import { startFakePod } from "../../src/engine-model/fake-pod.ts";

const [host = "", port = ""] = (process.argv[2] ?? "").split(":");
const pod = await startFakePod({ host, port: Number(port), model: "m", speed: 20, seed: 1, answerTokens: [4, 8] });
console.error(`a pod serves at ${pod.address}`);
