/** Every source that needs no cluster, under the rules all sources keep; Kubernetes' stands in test/kube. */
import { mkdtempSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DnsPodsParts, dnsPods } from "../../src/discovery/dns/dns-pods.ts";
import { PodFile } from "../../src/discovery/pod-file.ts";
import { staticSources } from "../../src/discovery/static-pods.ts";
import { addressRecord, DnsServerDouble, serviceRecord } from "../support/dns-server.ts";
import { POD_PORT, type PodPlace, podSourceContract, type SourceWorld } from "./pod-source-contract.ts";

const INTERVAL_MS = 20;
const noIdentity = "an address is all that is known of a pod here";
const noneIsFailure = "a name without addresses is one that does not resolve";
const nothing = () => undefined;

podSourceContract(
  "pods by address",
  () => {
    let pods: readonly PodPlace[] = [];
    return {
      open: () => staticSources(pods.map(({ name, ip }) => ({ name, host: ip, port: POD_PORT })))[0]!,
      set: (wanted) => {
        pods = wanted;
      },
      break: nothing,
      heal: nothing,
      remake: nothing,
      end: nothing,
    };
  },
  {
    lacks: {
      change: "a written list never changes",
      break: "a written list reads nothing",
      remake: "a written list never changes",
      empty: "a written list is never empty",
    },
  },
);

podSourceContract(
  "pods by host name",
  () => {
    let ips: readonly string[] = [];
    let broken = false;
    const lookup = async () => {
      if (broken) throw new Error("EAI_AGAIN");
      return ips;
    };
    const entry = { name: "vllm", host: "vllm", port: POD_PORT };
    return {
      open: () => staticSources([entry], { lookup, refreshMs: INTERVAL_MS, retryMs: INTERVAL_MS })[0]!,
      set: (pods) => {
        ips = pods.map(({ ip }) => ip);
      },
      break: () => {
        broken = true;
      },
      heal: () => {
        broken = false;
      },
      remake: nothing,
      end: nothing,
    };
  },
  { lacks: { remake: noIdentity, empty: noneIsFailure } },
);

/** A folder with a file in it that is replaced by rename. */
function fileWorld(write: (pods: readonly PodPlace[]) => string, breakIt: (path: string) => void): SourceWorld {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-pods-"));
  const path = join(folder, "pods.yaml");
  let pods: readonly PodPlace[] = [];
  const save = () => {
    writeFileSync(`${path}.new`, write(pods));
    renameSync(`${path}.new`, path);
  };
  return {
    open: () => new PodFile(path, { lookMs: INTERVAL_MS, settleMs: 1, rest: async () => undefined }),
    set: (wanted) => {
      pods = wanted;
      save();
    },
    break: () => breakIt(path),
    heal: save,
    remake: ({ ip }) => {
      pods = pods.map((pod) => (pod.ip === ip ? { name: `${pod.name}-again`, ip } : pod));
      save();
    },
    end: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const endpointsForm = (pods: readonly PodPlace[]) =>
  `endpoints:${pods.length === 0 ? " []" : ""}\n${pods
    .map(({ name, ip }) => `- {name: ${name}, namespace: ns, address: "${ip}", port: "${POD_PORT}"}\n`)
    .join("")}`;
const bracketed = (ip: string) => (ip.includes(":") ? `[${ip}]` : ip);
const podsForm = (pods: readonly PodPlace[]) =>
  JSON.stringify({ pods: pods.map(({ name, ip }) => `${name}=${bracketed(ip)}:${POD_PORT}`) });

podSourceContract("pods of a file in the Go picker's form, which goes missing", () =>
  fileWorld(endpointsForm, (path) => unlinkSync(path)),
);

podSourceContract("pods of a file in our own form, which is left half written", () =>
  fileWorld(podsForm, (path) => writeFileSync(path, '{"pods":["127.0.')),
);

podSourceContract("pods of a file that is overwritten with nothing", () =>
  fileWorld(podsForm, (path) => writeFileSync(path, "")),
);

async function dnsWorld(
  write: (pods: readonly PodPlace[]) => Pick<DnsServerDouble, "records" | "additionals">,
  fault: "SERVFAIL" | "NXDOMAIN" | "silence",
  open: (parts: DnsPodsParts) => ReturnType<typeof dnsPods>,
): Promise<SourceWorld> {
  const server = await DnsServerDouble.start();
  // A silent server is given up soon; one that answers has more time than a busy machine takes.
  const patienceMs = [1_500];
  return {
    open: () =>
      open({
        settings: { servers: [server.place], search: [], ndots: 1 },
        patienceMs,
        leastMs: INTERVAL_MS,
        mostMs: INTERVAL_MS,
        retryMs: INTERVAL_MS,
      }),
    set: (pods) => {
      Object.assign(server, write(pods));
    },
    break: () => {
      server.faults.set("*", fault);
      patienceMs[0] = 100;
    },
    heal: () => {
      server.faults.clear();
      patienceMs[0] = 1_500;
    },
    remake: nothing,
    end: () => server.stop(),
  };
}

const host = { kind: "host", name: "vllm.test", port: POD_PORT, types: ["A", "AAAA"] } as const;
const service = { kind: "service", name: "_http._tcp.vllm.test" } as const;
const dnsLacks = { lacks: { remake: noIdentity, empty: noneIsFailure } };
const addressesOf = (pods: readonly PodPlace[]) => pods.map(({ name, ip }) => addressRecord(`${name}.vllm.test`, ip));
const servicesOf = (pods: readonly PodPlace[]) =>
  pods.map(({ name }) => serviceRecord(service.name, `${name}.vllm.test`, POD_PORT));

for (const fault of ["SERVFAIL", "NXDOMAIN", "silence"] as const) {
  podSourceContract(
    `pods of a host in DNS that answers ${fault}`,
    () => {
      const write = (pods: readonly PodPlace[]) => ({
        records: pods.map(({ ip }) => addressRecord(host.name, ip)),
        additionals: [],
      });
      return dnsWorld(write, fault, (parts) => dnsPods(host, parts));
    },
    dnsLacks,
  );
}

podSourceContract(
  "pods of a service in DNS, with the addresses beside it",
  () => {
    const write = (pods: readonly PodPlace[]) => ({ records: servicesOf(pods), additionals: addressesOf(pods) });
    return dnsWorld(write, "SERVFAIL", (parts) => dnsPods(service, parts));
  },
  dnsLacks,
);

podSourceContract(
  "pods of a service in DNS, whose targets are asked for",
  () => {
    const write = (pods: readonly PodPlace[]) => ({
      records: [...servicesOf(pods), ...addressesOf(pods)],
      additionals: [],
    });
    return dnsWorld(write, "SERVFAIL", (parts) => dnsPods(service, parts));
  },
  dnsLacks,
);
