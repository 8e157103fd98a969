// Command apiserver is a real Kubernetes API server for tests: kube-apiserver and an etcd of its own in one process.
//
// It prints one line of JSON when it is ready. What it finds in -dir it uses again, so that the same -dir and -port bring
// everything back after a kill.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const (
	// Relative to -dir, which is the working directory: the system allows a socket's path about a hundred bytes.
	etcdSocket     = "etcd.sock"
	etcdPeerSocket = "etcd-peer.sock"

	adminName = "admin"
	// With watches open kube-apiserver takes many seconds over its own farewell, which no test waits for.
	stopGrace = 300 * time.Millisecond
	// For a machine that is busy with other things as well.
	startPatience = 5 * time.Minute
)

// A user whom the API server knows by a client certificate.
type user struct {
	name   string
	groups []string
}

type userFlag []user

var userName = regexp.MustCompile(`^[\w.:@-]+$`)

func (users *userFlag) String() string { return fmt.Sprint(*users) }

// Set reads NAME or NAME:GROUP,GROUP. Names may have colons too (system:serviceaccount:...): without groups such a one ends in a colon.
func (users *userFlag) Set(text string) error {
	name, list := text, ""
	if at := strings.LastIndex(text, ":"); at >= 0 {
		name, list = text[:at], text[at+1:]
	}
	if !userName.MatchString(name) || name == adminName {
		return fmt.Errorf("cannot have a user named %q", name)
	}
	groups := strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	*users = append(*users, user{name, groups})
	return nil
}

type listFlag []string

func (list *listFlag) String() string { return strings.Join(*list, " ") }

func (list *listFlag) Set(text string) error {
	*list = append(*list, text)
	return nil
}

type options struct {
	dir           string
	port          int
	users         userFlag
	args          listFlag
	exitWithStdin bool
}

// What is printed when the server is ready.
type announcement struct {
	Server      string            `json:"server"`
	Port        int               `json:"port"`
	Kubeconfig  string            `json:"kubeconfig"`
	Kubeconfigs map[string]string `json:"kubeconfigs"`
	CA          string            `json:"ca"`
	PID         int               `json:"pid"`
}

func main() {
	var chosen options
	flag.StringVar(&chosen.dir, "dir", "", "folder of certificates, kubeconfigs and data; used again if it is there")
	flag.IntVar(&chosen.port, "port", 0, "port on 127.0.0.1; 0 finds a free one")
	flag.Var(&chosen.users, "user", "NAME[:GROUP,..] of a further user to get a kubeconfig (repeatable)")
	flag.Var(&chosen.args, "arg", "further argument for kube-apiserver (repeatable)")
	flag.BoolVar(&chosen.exitWithStdin, "exit-with-stdin", false, "end when standard input does")
	flag.Parse()
	if err := run(chosen); err != nil {
		fmt.Fprintln(os.Stderr, "apiserver:", err)
		os.Exit(1)
	}
}

func run(chosen options) error {
	if chosen.dir == "" || flag.NArg() > 0 {
		return errors.New("usage: apiserver -dir FOLDER [-port N] [-user NAME[:GROUP,..]] [-arg ARG] [-exit-with-stdin]")
	}
	dir, err := enter(chosen.dir)
	if err != nil {
		return err
	}
	port := chosen.port
	if port == 0 {
		if port, err = freePort(); err != nil {
			return err
		}
	}
	authority, err := loadAuthority()
	if err != nil {
		return err
	}
	if err := makeServerFiles(authority); err != nil {
		return err
	}
	said := announcement{
		Server:      fmt.Sprintf("https://127.0.0.1:%d", port),
		Port:        port,
		Kubeconfigs: map[string]string{},
		CA:          filepath.Join(dir, "ca.crt"),
		PID:         os.Getpid(),
	}
	// Made anew each time, as groups and port may be others now; earlier ones stay good, since the authority is the same.
	for _, each := range append(chosen.users, user{adminName, []string{"system:masters"}}) {
		file := each.name + ".kubeconfig"
		if err := writeKubeconfig(file, said.Server, each, authority); err != nil {
			return err
		}
		said.Kubeconfigs[each.name] = filepath.Join(dir, file)
	}
	said.Kubeconfig = said.Kubeconfigs[adminName]
	return serve(chosen, said, authority)
}

// Starts both servers and stays until one of them ends or the process is told to.
func serve(chosen options, said announcement, authority *keyPair) error {
	ended := make(chan error, 1)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	if chosen.exitWithStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		}()
	}
	go func() {
		etcd, err := startEtcd()
		if err != nil {
			ended <- fmt.Errorf("etcd: %w", err)
			return
		}
		go func() { ended <- fmt.Errorf("etcd ended: %w", <-etcd.Err()) }()
		command := app.NewAPIServerCommand()
		command.SetArgs(append(serverArguments(said.Port), chosen.args...))
		ended <- command.Execute()
	}()
	go func() {
		if err := awaitReady(said.Server, authority); err != nil {
			ended <- err
			return
		}
		_ = json.NewEncoder(os.Stdout).Encode(said)
	}()
	select {
	case err := <-ended:
		return err
	case <-stop:
	}
	// kube-apiserver hears the signal as well and starts to take leave of its clients.
	select {
	case err := <-ended:
		return err
	case <-time.After(stopGrace):
		return nil
	}
}

func serverArguments(port int) []string {
	return []string{
		"--etcd-servers=unix://" + etcdSocket,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--client-ca-file=ca.crt", "--tls-cert-file=server.crt", "--tls-private-key-file=server.key",
		"--service-account-key-file=service-account.crt", "--service-account-signing-key-file=service-account.key",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC",
		// It would wait for a default service account in every namespace, which only a controller makes.
		"--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none",
		// A test on a busy machine is not to be throttled.
		"--enable-priority-and-fairness=false", "--max-requests-inflight=0", "--max-mutating-requests-inflight=0",
		"--shutdown-delay-duration=0s",
	}
}

func startEtcd() (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = "etcd"
	config.ListenClientUrls = []url.URL{{Scheme: "unix", Host: etcdSocket}}
	config.ListenPeerUrls = []url.URL{{Scheme: "unix", Host: etcdPeerSocket}}
	config.LogLevel = "error"
	// A kill of the process loses nothing all the same: what is written is the system's by then.
	config.UnsafeNoFsync = true
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		return nil, err
	case <-time.After(startPatience):
		return nil, errors.New("not ready in time")
	}
}

func awaitReady(server string, authority *keyPair) error {
	admin, err := authority.issue(clientTemplate(user{adminName, []string{"system:masters"}}))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority.certificatePEM)
	identity, err := tls.X509KeyPair(admin.certificatePEM, admin.keyPEM)
	if err != nil {
		return err
	}
	config := &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{identity}}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
	defer client.CloseIdleConnections()
	last := "no answer"
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(server + "/readyz?verbose")
		if err != nil {
			last = err.Error()
			continue
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return nil
		}
		last = string(body)
	}
	return fmt.Errorf("not ready in time: %s", last)
}

// Makes the folder the working directory and returns its full path.
func enter(folder string) (string, error) {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.Chdir(dir)
}

// Stays below the ports that systems hand out by themselves: nobody gets a killed server's port before it is back.
func freePort() (int, error) {
	const lowest, highest = 20_000, 32_000
	for range 100 {
		port := lowest + rand.IntN(highest-lowest)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("found no free port between %d and %d", lowest, highest)
}
