# secluded.sh HOME NAME HOSTS ACCOUNTS FOLDERS COMMAND...: run a server with a host name, a hosts
# file, accounts and system folders of its own, in the mount and UTS namespaces that it was called
# in.  Lists are separated by commas.
set -e
home=$1 name=$2 hosts=$3 accounts=$4 folders=$5
shift 5
echo "$name" > /proc/sys/kernel/hostname
echo "127.0.0.1 localhost,$hosts" | tr , '\n' > "$home/etc-hosts"
cp /etc/passwd "$home/etc-passwd"
cp /etc/group "$home/etc-group"
number=64000
for account in $(echo "$accounts" | tr , ' '); do
  echo "$account:x:$number:$number::/nonexistent:/usr/sbin/nologin" >> "$home/etc-passwd"
  echo "$account:x:$number:" >> "$home/etc-group"
  number=$((number + 1))
done
for file in hosts passwd group; do mount --bind "$home/etc-$file" "/etc/$file"; done
for folder in /run /var/lib /var/spool; do mount -t tmpfs -o mode=0755 tmpfs "$folder"; done
for folder in $(echo "$folders" | tr , ' '); do mkdir -p "$folder"; done
exec "$@"
