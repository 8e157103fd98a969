package main

// Who is who: the authority, the servers' certificates and keys, and a kubeconfig for each user.

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"
)

const validFor = 10 * 365 * 24 * time.Hour

type keyPair struct {
	certificate    *x509.Certificate
	key            crypto.Signer
	certificatePEM []byte
	keyPEM         []byte
}

func newTemplate(subject pkix.Name) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(validFor),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// Kubernetes reads a client's name and groups from its certificate's common name and organisations.
func clientTemplate(of user) *x509.Certificate {
	template := newTemplate(pkix.Name{CommonName: of.name, Organization: of.groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return template
}

// Signs with the authority's key, or with the new one where there is no authority yet.
func (authority *keyPair) issue(template *x509.Certificate) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	parent, signer := template, crypto.Signer(key)
	if authority != nil {
		parent, signer = authority.certificate, authority.key
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(certificate)
	return &keyPair{parsed, key, encodePEM("CERTIFICATE", certificate), encodePEM("PRIVATE KEY", encoded)}, err
}

func loadAuthority() (*keyPair, error) {
	template := newTemplate(pkix.Name{CommonName: "pointsman-test-authority"})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	if err := makeOnce("ca", template, nil); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair("ca.crt", "ca.key")
	if err != nil {
		return nil, err
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("ca.key cannot sign")
	}
	return &keyPair{certificate: pair.Leaf, key: signer, certificatePEM: encodePEM("CERTIFICATE", pair.Leaf.Raw)}, nil
}

func makeServerFiles(authority *keyPair) error {
	template := newTemplate(pkix.Name{CommonName: "kube-apiserver"})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = []string{"localhost", "kubernetes.default.svc"}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	if err := makeOnce("server", template, authority); err != nil {
		return err
	}
	// Tokens are signed with the key and checked with the certificate.
	return makeOnce("service-account", newTemplate(pkix.Name{CommonName: "service-account"}), authority)
}

// Makes NAME.key and NAME.crt unless they are there already.
func makeOnce(name string, template *x509.Certificate, authority *keyPair) error {
	// The certificate is written last: where it is, the pair is whole.
	if _, err := os.Stat(name + ".crt"); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	pair, err := authority.issue(template)
	if err != nil {
		return err
	}
	if err := replaceFile(name+".key", pair.keyPEM); err != nil {
		return err
	}
	return replaceFile(name+".crt", pair.certificatePEM)
}

func encodePEM(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}

// A kubeconfig may be JSON, as that is YAML as well; byte strings become base64, which is what it wants.
func writeKubeconfig(file, server string, of user, authority *keyPair) error {
	client, err := authority.issue(clientTemplate(of))
	if err != nil {
		return err
	}
	type object map[string]any
	content := object{
		"apiVersion":      "v1",
		"kind":            "Config",
		"current-context": of.name,
		"clusters": []object{{"name": "test", "cluster": object{
			"server": server, "certificate-authority-data": authority.certificatePEM,
		}}},
		"users": []object{{"name": of.name, "user": object{
			"client-certificate-data": client.certificatePEM, "client-key-data": client.keyPEM,
		}}},
		"contexts": []object{{"name": of.name, "context": object{
			"cluster": "test", "user": of.name, "namespace": "default",
		}}},
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return err
	}
	return replaceFile(file, text.Bytes())
}

// Readers see the old file or the new one, never half of one.
func replaceFile(file string, content []byte) error {
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
