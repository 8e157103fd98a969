/** The Kubernetes sources under the rules all sources keep, at a real API server. */
import { afterAll, beforeAll, describe } from "vitest";
import { podSourceContract } from "../contract/pod-source-contract.ts";
import { findTestKube } from "../support/kube-binary.ts";
import { KubeServer } from "../support/kube-server.ts";
import { makeKubeWorld, type WorldKind } from "./kube-worlds.ts";

const kube = await findTestKube();

/** What a busy machine may need for a back-off, a restart of a watch and a heartbeat. */
const patienceMs = 30_000;

describe.skipIf(kube.isMissing)(`sources of Kubernetes${kube.note}`, () => {
  let server: KubeServer;

  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool");
    await server.createKind("inference-pool-v1alpha2");
  });

  afterAll(() => server?.stop());

  const titles: Record<WorldKind, string> = {
    "inference-pool": "pods of an InferencePool",
    "old-inference-pool": "pods of an InferencePool of the old group",
    selector: "pods of a label selector",
    service: "endpoints of a Service",
    aibrix: "pods with AIBrix' labels",
  };
  for (const kind of Object.keys(titles) as WorldKind[]) {
    podSourceContract(titles[kind], () => makeKubeWorld(server, kind), { patienceMs });
  }
});
