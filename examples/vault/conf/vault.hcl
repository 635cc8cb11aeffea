ui = true
disable_mlock = true

listener "tcp" {
  address         = "[::]:8200"
  cluster_address = "[::]:8201"
  tls_cert_file   = "/vault/tls/tls.crt"
  tls_key_file    = "/vault/tls/tls.key"
}

storage "raft" {
  path = "/vault/data"
  {{ peers | format_each('retry_join {{\n    leader_api_addr = "https://{fqdn}:8200"\n    leader_ca_cert_file = "/vault/tls/ca.crt"\n  }}') | join('\n  ') }}
}

service_registration "kubernetes" {}
