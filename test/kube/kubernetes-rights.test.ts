import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubernetesPodsConfig } from "../../src/discovery/kubernetes/kubernetes-pods.ts";
import { findTestKube } from "../support/kube-binary.ts";
import type { KubeObject } from "../support/kube-client.ts";
import type { KubeNamespace } from "../support/kube-namespace.ts";
import { KubeServer } from "../support/kube-server.ts";
import { FollowedPods, patient } from "./followed-pods.ts";
import { newPool, oldPool } from "./pool-objects.ts";

const kube = await findTestKube();
const app = { app: "vllm", "model.aibrix.ai/name": "llama" };

interface RoleObject extends KubeObject {
  readonly rules: readonly { readonly apiGroups: string[]; readonly resources: string[]; readonly verbs: string[] }[];
}

const shipped = (file: string): KubeObject[] =>
  parseAllDocuments(readFileSync(new URL(`../../deploy/kubernetes/${file}`, import.meta.url), "utf8")).map((each) =>
    each.toJS(),
  );

let server: KubeServer;
let namespace: KubeNamespace;

/** The service account of the manifest, with a role that may differ from it. */
async function account(change: (rules: RoleObject["rules"]) => RoleObject["rules"] = (rules) => rules) {
  const token = await namespace.createServiceAccount("pointsman");
  for (const object of shipped("rbac.yaml")) {
    if (object.kind === "Role") await namespace.create({ ...object, rules: change((object as RoleObject).rules) });
    if (object.kind === "RoleBinding") await namespace.create(object);
  }
  return server.writeKubeconfig({ token });
}

const without = (verb: string) => (rules: RoleObject["rules"]) =>
  rules.map((rule) => ({ ...rule, verbs: rule.verbs.filter((each) => each !== verb) }));

describe.skipIf(kube.isMissing)(`rights at a real API server${kube.note}`, () => {
  const configs = (): Record<string, KubernetesPodsConfig> => ({
    "new pool": { kind: "inference-pool", namespace: namespace.name, name: "new", group: "auto" },
    "old pool": { kind: "inference-pool", namespace: namespace.name, name: "old", group: "auto" },
    selector: { kind: "selector", namespace: namespace.name, selector: "app", ports: [8000] },
    service: { kind: "service", namespace: namespace.name, name: "web" },
    aibrix: { kind: "aibrix", namespace: namespace.name },
  });
  const kinds = ["new pool", "old pool", "selector", "service", "aibrix"];
  const follow = async (kind: string, kubeconfig: string) => {
    const config = configs()[kind];
    if (config === undefined) throw new Error(`no source ${kind}`);
    return FollowedPods.start(kubeconfig, config);
  };

  beforeAll(async () => {
    server = await KubeServer.start({ binary: kube.binary });
    await server.createKind("inference-pool");
    await server.createKind("inference-pool-v1alpha2");
  });

  afterAll(() => server?.stop());

  beforeEach(async () => {
    namespace = await server.createNamespace();
    await namespace.createPod("a", { labels: app, readyAt: "10.0.0.1" });
    await namespace.create(newPool("new", { app: "vllm" }));
    await namespace.create(oldPool("old", { app: "vllm" }));
    await namespace.createEndpointSlice("web", [{ address: "10.0.0.1" }], 8000);
  });

  test.each(kinds)("rbac.yaml is enough for a %s", async (kind) => {
    const followed = await follow(kind, await account());
    await expect.poll(() => followed.addresses, patient).toEqual(["10.0.0.1:8000"]);
    await expect.poll(() => followed.last, patient).toBe("confirm");
    expect(followed.failures).toEqual([]);
  });

  test.each(kinds.flatMap((kind) => ["list", "watch"].map((verb) => [kind, verb] as const)))(
    "a %s without the right to %s says what is missing, in one sentence",
    async (kind, verb) => {
      const followed = await follow(kind, await account(without(verb)));
      const resource = kind.endsWith("pool") ? "inferencepools" : kind === "service" ? "endpointslices" : "pods";
      await expect
        .poll(() => followed.failures.at(-1) ?? "", patient)
        .toMatch(
          new RegExp(
            `^${resource}\\S*( "\\S+")? is forbidden: User "system:serviceaccount:${namespace.name}:pointsman" cannot ${verb} .*` +
              `: needs list and watch on ${resource}\\S* in namespace ${namespace.name} \\(see deploy/kubernetes/rbac.yaml\\)$`,
          ),
        );
      expect(followed.log).not.toContain("confirm");
    },
  );

  test("rbac.yaml grants nothing else, and nothing in another namespace", async () => {
    const roles = shipped("rbac.yaml").filter(({ kind }) => kind === "Role") as RoleObject[];
    expect(roles.flatMap(({ rules }) => rules.flatMap(({ verbs }) => verbs.join()))).toEqual(
      Array(4).fill("list,watch"),
    );
    expect(shipped("rbac.yaml").map(({ kind }) => kind)).toEqual(["ServiceAccount", "Role", "RoleBinding"]);
    const kubeconfig = await account();
    const other = await server.createNamespace();
    const config = { kind: "selector", namespace: other.name, selector: "app", ports: [80] } as const;
    const followed = await FollowedPods.start(kubeconfig, config);
    expect(followed.failures[0]).toMatch(`needs list and watch on pods in namespace ${other.name} (see`);
  });

  test("rights granted later are noticed", async () => {
    const token = await namespace.createServiceAccount("late");
    const kubeconfig = await server.writeKubeconfig({ token });
    const followed = await follow("new pool", kubeconfig);
    expect(followed.failures[0]).toMatch(/^inferencepools\S* "new" is forbidden: .*:late" cannot list/);
    for (const object of shipped("rbac.yaml").filter(({ kind }) => kind === "Role")) await namespace.create(object);
    await namespace.bindRole("pointsman", { serviceAccount: "late" });
    await expect.poll(() => followed.addresses, patient).toEqual(["10.0.0.1:8000"]);
    await expect.poll(() => followed.last, patient).toBe("confirm");
  });

  test("rbac-all-namespaces.yaml is enough for AIBrix' pods wherever they are, and needed", async () => {
    const refused = await FollowedPods.start(await account(), { kind: "aibrix" });
    expect(refused.failures[0]).toMatch(
      /cannot list resource "pods" .* at the cluster scope: needs list and watch on pods in all namespaces \(see .*all-/,
    );
    for (const object of shipped("rbac-all-namespaces.yaml")) {
      const subjects = [{ kind: "ServiceAccount", name: "pointsman", namespace: namespace.name }];
      const isBinding = object.kind === "ClusterRoleBinding";
      if (object.kind !== "ServiceAccount") await server.admin.create(isBinding ? { ...object, subjects } : object);
    }
    await expect.poll(() => refused.addresses, patient).toEqual(expect.arrayContaining(["10.0.0.1:8000"]));
    await expect.poll(() => refused.last, patient).toBe("confirm");
  });
});
