import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { KubernetesApi } from "../../src/discovery/kubernetes/kubernetes-api.ts";
import { kubernetesPods } from "../../src/discovery/kubernetes/kubernetes-pods.ts";
import { PoolPolicies } from "../../src/discovery/kubernetes/pool-policies.ts";
import { watchParts } from "../../src/discovery/kubernetes/source-parts.ts";
import { connectExtProc } from "../../src/ext-proc/client.ts";
import { RewriteBook } from "../../src/rewrite/rewrite-rules.ts";
import { Objectives } from "../../src/routing/objectives.ts";
import * as envoy from "../support/envoy-messages.ts";
import { HeardEvents } from "../support/heard-events.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { startPicker } from "../support/picker-process.ts";
import { brisk, patient } from "./followed-pods.ts";
import { newPool } from "./pool-objects.ts";

const kube = await findTestKube();
const OLD = "inference.networking.x-k8s.io";
const NEW = "llm-d.ai";

let server: KubeServer;
let namespace: KubeNamespace;

const poolRef = { name: "pool" };

function rewrite(name: string, from: string, to: string, group = NEW): KubeObject {
  const rules = [{ matches: [{ model: { value: from } }], targets: [{ modelRewrite: to, weight: 1 }] }];
  return {
    apiVersion: `${group}/v1alpha2`,
    kind: "InferenceModelRewrite",
    metadata: { name },
    spec: { poolRef, rules },
  };
}

function objective(name: string, priority: number, group = NEW): KubeObject {
  return {
    apiVersion: `${group}/v1alpha2`,
    kind: "InferenceObjective",
    metadata: { name },
    spec: { poolRef, priority },
  };
}

async function follow(kubeconfig = server.kubeconfig()) {
  const books = {
    rewrites: new RewriteBook(),
    objectives: new Objectives(),
    problems: [] as string[],
    onProblem: (problem: string) => void books.problems.push(problem),
  };
  const heard = new HeardEvents();
  const given = { api: new KubernetesApi({ kubeconfig }), options: brisk };
  const place = { namespace: namespace.name, name: "pool" };
  const pods = kubernetesPods({ kind: "inference-pool", ...place, group: "auto" }, given);
  const source = new PoolPolicies(pods, { ...place, pool: "p" }, books, watchParts(given));
  onTestFinished(() => source.stop());
  await source.start(heard);
  return { ...books, heard, target: (model: string) => books.rewrites.exactRule(model, "p")?.targets[0] };
}

describe.skipIf(kube.isMissing)(`rewrites and objectives of a real API server${kube.note}`, () => {
  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool");
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
    await namespace.createPod("a", { labels: { app: "vllm" }, readyAt: "10.0.0.1" });
    await namespace.create(newPool("pool", { app: "vllm" }));
  });

  // The first tests, as the kinds stay.
  test("a cluster without these kinds is one without such objects", async () => {
    const followed = await follow();
    await expect.poll(() => followed.heard.addresses, patient).toEqual(["10.0.0.1:8000"]);
    expect([followed.rewrites.isEmpty, followed.problems]).toEqual([true, []]);
  });

  test("objects of the old group count while the new one is not installed", async () => {
    await server.createKind("inference-model-rewrite", OLD);
    await server.createKind("inference-objective", OLD);
    await namespace.create(rewrite("r", "a", "x", OLD));
    await namespace.create(objective("batch", -4, OLD));
    const followed = await follow();
    await expect.poll(() => followed.target("a"), patient).toBe("x");
    await expect.poll(() => followed.objectives.priorityOf("p", "batch"), patient).toBe(-4);
  });

  describe("with both groups installed", () => {
    beforeAll(async () => {
      await server.createKind("inference-model-rewrite");
      await server.createKind("inference-objective");
    });

    test("those of the new group count alone, and are followed as they change", async () => {
      await namespace.create(rewrite("old", "b", "y", OLD));
      const followed = await follow();
      await namespace.create(rewrite("r", "a", "x"));
      await namespace.create(objective("batch", -4));
      await expect.poll(() => followed.target("a"), patient).toBe("x");
      await expect.poll(() => followed.objectives.priorityOf("p", "batch"), patient).toBe(-4);
      expect(followed.target("b")).toBeUndefined();
      await server.admin.patch(namespace.ref("InferenceObjective", "batch", `${NEW}/v1alpha2`), {
        spec: { priority: 9 },
      });
      await expect.poll(() => followed.objectives.priorityOf("p", "batch"), patient).toBe(9);
      await server.admin.delete(namespace.ref("InferenceModelRewrite", "r", `${NEW}/v1alpha2`));
      await expect.poll(() => followed.target("a"), patient).toBeUndefined();
    });

    test("of two objects that fit the older one counts", async () => {
      const first = await namespace.create(rewrite("z-first", "a", "first"));
      const followed = await follow();
      const later = namespace.ref("InferenceModelRewrite", "a-later", `${NEW}/v1alpha2`);
      // Kubernetes dates its objects by the second.
      const isLater = async () => {
        const made = await namespace.create(rewrite("a-later", "a", "later"));
        if (dateOf(made) > dateOf(first)) return true;
        await server.admin.delete(later);
        return false;
      };
      await expect.poll(isLater, patient).toBe(true);
      await namespace.create(rewrite("mark", "mark", "seen"));
      await expect.poll(() => followed.target("mark"), patient).toBe("seen");
      expect(followed.target("a")).toBe("first");
      await server.admin.delete(namespace.ref("InferenceModelRewrite", "z-first", `${NEW}/v1alpha2`));
      await expect.poll(() => followed.target("a"), patient).toBe("later");
    });

    test("a running picker follows them: by their names and priorities it decides", async () => {
      await namespace.create(rewrite("r", "alias", "target"));
      await namespace.create(objective("batch", -4));
      const flags = [`--inference-pool=${namespace.name}/pool`, "-v=4"];
      const picker = await startPicker(flags, { KUBECONFIG: server.kubeconfig() });
      onTestFinished(() => picker.kill());
      await picker.metricBecomes("pointsman_pool_pods", 1);
      const client = connectExtProc({ address: picker.address });
      onTestFinished(() => client.close());
      const stream = client.process();
      stream.send(
        envoy.requestHeaders({ path: "/v1/completions", headers: { "x-llm-d-inference-objective": "batch" } }),
      );
      await stream.reply();
      stream.send(envoy.requestBody('{"prompt":"x","model":"alias"}'));
      const reply = await stream.reply();
      expect(reply?.request_body?.response?.body_mutation?.body?.toString()).toBe('{"prompt":"x","model":"target"}');
      const said = await picker.line(({ msg }) => msg === "picked");
      expect(said).toMatchObject({ model: "alias", target: "target", priority: -4 });
      const labels = { rule: `${namespace.name}/r`, target: "target", outcome: "written" };
      await picker.metricBecomes("pointsman_model_rewrites_total", 1, labels);
    });

    test("rbac.yaml is enough, and without its rule the pods are followed all the same", async () => {
      await namespace.create(rewrite("r", "a", "x"));
      const token = await namespace.createServiceAccount("pointsman");
      const file = new URL("../../deploy/kubernetes/rbac.yaml", import.meta.url);
      const shipped = parseAllDocuments(readFileSync(file, "utf8")).map((each) => each.toJS());
      const role = shipped.find(({ kind }) => kind === "Role");
      await namespace.create({
        ...role,
        rules: role.rules.filter(
          ({ resources }: { resources: string[] }) => !resources.includes("inferenceobjectives"),
        ),
      });
      await namespace.create(shipped.find(({ kind }) => kind === "RoleBinding"));
      const refused = await follow(await server.writeKubeconfig({ token }));
      await expect.poll(() => refused.heard.addresses, patient).toEqual(["10.0.0.1:8000"]);
      await expect.poll(() => refused.problems.length, patient).toBeGreaterThan(0);
      expect(refused.problems[0]).toMatch(
        / is forbidden: .* needs list and watch on inference(modelrewrites|objectives)/,
      );
      await server.admin.patch(namespace.ref("Role", "pointsman", "rbac.authorization.k8s.io/v1"), {
        rules: role.rules,
      });
      await expect.poll(() => refused.target("a"), patient).toBe("x");
    });
  });
});

function dateOf({ metadata }: KubeObject): string {
  return String((metadata as Readonly<Record<string, unknown>>)["creationTimestamp"]);
}
