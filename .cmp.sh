cd /src
go build -o /tmp/bench ./tests/bench
cd /src/.old && go build -trimpath -buildvcs=false -buildmode=pie -ldflags '-s -w -X main.version=0.1.0' -o /tmp/old ./service || exit 1
B=$(systemctl show -p ExecStart --value kvmmanagerd | sed -n 's/.*path=\([^ ;]*\).*/\1/p')
cp $B /tmp/new
for round in old new; do
  echo "== $round"
  systemctl stop kvmmanagerd; cp /tmp/$round $B; systemctl start kvmmanagerd
  /tmp/bench -vms 400 load start 2>&1 | cut -c1-170
done
