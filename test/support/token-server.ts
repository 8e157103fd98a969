/** A token endpoint on this machine that notes what it was asked, and answers what the test says. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface TokenCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

export interface TokenAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** "" is as good as any other; without it the call is never answered. */
  readonly body?: string | undefined;
}

export class TokenServer {
  readonly calls: TokenCall[] = [];
  readonly url: string;
  readonly #stop: () => Promise<void>;
  #answer: (call: TokenCall) => TokenAnswer;

  constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
    this.#answer = () => ({ status: 500, body: "" });
  }

  static async start(answer: (call: TokenCall) => TokenAnswer = oauthAnswer("token")): Promise<TokenServer> {
    const http = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        const form = new URLSearchParams(Buffer.concat(pieces).toString());
        const call = { path: request.url ?? "", headers: request.headers, form };
        server.calls.push(call);
        const { status = 200, headers, body } = server.#answer(call);
        if (body === undefined) return;
        response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
      });
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    const stop = () =>
      new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    const server = new TokenServer(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, stop);
    server.#answer = answer;
    return server;
  }

  /** From the next call on. */
  set answer(answer: (call: TokenCall) => TokenAnswer) {
    this.#answer = answer;
  }

  stop(): Promise<void> {
    return this.#stop();
  }
}

export const oauthAnswer =
  (token: string, lifeS = 3_600) =>
  (): TokenAnswer => ({ body: JSON.stringify({ token_type: "Bearer", expires_in: lifeS, access_token: token }) });

export const oauthError = (status: number, body: object) => (): TokenAnswer => ({ status, body: JSON.stringify(body) });

/** As AWS's documents show it. */
export const roleAnswer =
  (id: string, secret: string, token: string, lifeS = 3_600) =>
  (): TokenAnswer => ({
    headers: { "content-type": "text/xml" },
    body: `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:ai:pointsman</SubjectFromWebIdentityToken>
    <AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SessionToken>
        ${token}
      </SessionToken>
      <SecretAccessKey>${secret}</SecretAccessKey>
      <Expiration>${new Date(Date.now() + lifeS * 1000).toISOString()}</Expiration>
      <AccessKeyId>${id}</AccessKeyId>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`,
  });

export const roleError = (status: number, code: string, message: string) => (): TokenAnswer => ({
  status,
  headers: { "content-type": "text/xml" },
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
});
